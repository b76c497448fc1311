//! Two facilitators over one PostgreSQL and the same eight keys, one of which is killed every second. Afterwards the chain's own
//! blocks and the ledger tell.

use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tollway::core::Ledger;
use tollway::ledger::{PostgresLedger, PostgresSettings};
use tollway_devnet::{ChainSpec, Devnet, Postgres};
use tollway_e2e::chain::settlements;
use tollway_e2e::process::FacilitatorProcess;
use tollway_e2e::world::{PRICE, World};
use tollway_e2e::{Outcome, until};

const PAYMENTS: usize = 320;
const AT_ONCE: usize = 16;
const SIGNERS: usize = 8;
const PAYERS: u32 = 32;
/// Leases are short enough that keys change hands while one is down.
const LEASE_MS: u64 = 2_000;
const KILLS: usize = 14;
/// Every so many kills, the killed one stays away for longer than its leases last, or was paused for as long before.
const AWAY_EVERY: usize = 3;
const WINDOW: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(120);
const PAYER_HAD: u128 = 10_000_000_000;
const MERCHANT_HAD: u128 = 100_000_000;

/// What the clients saw.
#[derive(Default)]
struct Seen {
    done: AtomicUsize,
    /// Answers and failures on the way, by their words.
    words: Mutex<BTreeMap<String, usize>>,
}

impl Seen {
    fn note(&self, word: &str) {
        *self.words.lock().unwrap().entry(word.to_owned()).or_default() += 1;
    }
}

/// Asks for one payment's settlement, each time at the other one, until there is a receipt. One that was about to be sent when
/// its facilitator died is sent by whoever takes over.
async fn settle(
    client: &reqwest::Client,
    urls: &[String],
    n: usize,
    world: &World,
    seen: &Seen,
) -> Outcome<String> {
    let (body, begun) = (world.settle_body(n, WINDOW.as_secs())?, Instant::now());
    for turn in n.. {
        let request = client.post(&urls[turn % urls.len()]).header("content-type", "application/json");
        let answer = request.body(body.clone()).timeout(Duration::from_secs(20)).send().await;
        let answer: Value = match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        if answer["success"] == true {
            seen.done.fetch_add(1, Ordering::SeqCst);
            let transaction = answer["transaction"].as_str().ok_or("a receipt without a transaction")?;
            return Ok(transaction.to_owned());
        }
        let word = answer["errorReason"].as_str().unwrap_or("no answer");
        seen.note(word);
        if begun.elapsed() > WINDOW + PATIENCE {
            return Err(format!("payment {n} is not resolved: {answer}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no turn is left".into())
}

/// Kills them by turns, one every second, as long as payments are made.
async fn kill(pair: &mut [FacilitatorProcess; 2], seen: &Seen) -> Outcome<usize> {
    let mut kills = 0;
    while kills < KILLS && seen.done.load(Ordering::SeqCst) < PAYMENTS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (victim, long) = (&mut pair[kills % 2], Duration::from_millis(LEASE_MS * 2));
        if kills % AWAY_EVERY == 1 {
            // It wakes up in the midst of what it did, and finds that another has taken over.
            victim.signal("STOP").await?;
            tokio::time::sleep(long).await;
            victim.signal("CONT").await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        victim.kill().await?;
        if kills % AWAY_EVERY == 2 {
            tokio::time::sleep(long).await;
        }
        kills += 1;
        victim.again()?;
    }
    Ok(kills)
}

/// No settlement and no transaction is left half done in the ledger.
async fn nothing_is_open(ledger: &PostgresLedger, chain: u64) -> Outcome {
    for room in ["visit/facilitator/".to_owned(), format!("evm/eip155:{chain}/open/")] {
        until(&room, PATIENCE, async || Ok(ledger.scan(&room, None, 10).await?.is_empty().then_some(())))
            .await?;
    }
    Ok(())
}

/// What payers lost, the merchant gained: a price for each settlement.
async fn balances_agree(world: &World, settled: usize) -> Outcome {
    let (chain, moved) = (world.chain(), u128::try_from(settled)? * u128::from(PRICE));
    let mut lost = 0;
    for payer in world.devnet.accounts().payers() {
        lost += PAYER_HAD - chain.usdc_balance(payer.address()).await?;
    }
    let gained = chain.usdc_balance(world.devnet.accounts().merchant(0).address()).await? - MERCHANT_HAD;
    assert_eq!((lost, gained), (moved, moved), "payers lost, merchant gained");
    Ok(())
}

/// No sender's nonces have a gap that something waits behind.
async fn nothing_waits(world: &World) -> Outcome {
    let pool = world.chain().call("txpool_status", json!([])).await?;
    assert_eq!((&pool["pending"], &pool["queued"]), (&json!("0x0"), &json!("0x0")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_share_keys_and_nothing_is_lost_or_doubled_while_one_is_killed_every_second() -> Outcome {
    let (server, devnet) = (
        tokio::task::spawn_blocking(Postgres::start).await??,
        Devnet::builder().chains([ChainSpec::BASE]).payers(PAYERS).keep_fresh(false).block_time_ms(250),
    );
    let world = World::with(devnet).await?;
    let (program, url) = (env!("CARGO_BIN_EXE_e2e-facilitator"), server.url("postgres"));
    let start =
        |name| world.shared_facilitator(program, name, (url.as_str(), LEASE_MS), &world.chains(), SIGNERS);
    let mut pair = [start("one")?, start("two")?];
    for facilitator in &pair {
        facilitator.health().await?;
    }
    let urls = [0, 1].map(|n: usize| format!("{}/settle", pair[n].url()));
    let (client, seen) = (reqwest::Client::new(), Seen::default());
    let paid = futures::stream::iter(0..PAYMENTS)
        .map(|n| settle(&client, &urls, n, &world, &seen))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<Outcome<String>>>();
    let (told, kills) = futures::join!(paid, kill(&mut pair, &seen));
    let told: Outcome<Vec<String>> = told.into_iter().collect();
    let told =
        told.map_err(|e| format!("{e}\none:\n{}\ntwo:\n{}", pair[0].log_tail(), pair[1].log_tail()))?;
    println!("{} kills; on the way: {:?}", kills?, seen.words.lock().unwrap());
    assert_eq!(told.len(), PAYMENTS);

    let settled = settlements(world.chain()).await?;
    assert_eq!(settled.len(), told.len(), "something was settled and not told, or told and not settled");
    for (key, tries) in &settled {
        assert!(tries.len() == 1 && tries[0].success, "{key:?} was sent {} times: {tries:?}", tries.len());
    }
    let on_chain: HashSet<&str> = settled.values().flatten().map(|s| s.transaction.as_str()).collect();
    let told_of: HashSet<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(told_of, on_chain, "every answer is a settlement of its own");
    balances_agree(&world, settled.len()).await?;
    let ledger = PostgresLedger::open(PostgresSettings::new(&url)?).await?;
    nothing_is_open(&ledger, world.chain().id()).await?;
    nothing_waits(&world).await?;
    for facilitator in &mut pair {
        facilitator.health().await?;
        facilitator.signal("TERM").await?;
        assert!(facilitator.ended().await?.success(), "{}", facilitator.log_tail());
    }
    Ok(())
}
