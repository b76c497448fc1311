//! Two facilitators over one PostgreSQL and the same eight keys, against one of them alone, while the node is not the limit:
//! blocks come every two seconds (`--block-ms`), as on Base, with room for all.
//!
//! `cargo bench -p tollway-e2e --bench two` prints Markdown. What bounds one here is how many settlements it has under way at
//! once, as each waits for its block: every facilitator is given [`AT_ONCE`] of them, which is what a client's connections or
//! `at_once_per_caller` come to in service. Processor time is told beside it, because on one machine two processes share it with
//! the node, the database and the clients.

use std::time::{Duration, Instant};
use tollway_devnet::{ChainSpec, Devnet, Postgres};
use tollway_e2e::process::FacilitatorProcess;
use tollway_e2e::rate::{cpu as used, settle_all};
use tollway_e2e::world::{PRICE, World};
use tollway_e2e::{Outcome, until};

/// Settlements that each facilitator is given at a time.
const AT_ONCE: usize = 32;
const SIGNERS: usize = 8;
const LEASE_MS: u64 = 2_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| -> Option<usize> {
        arguments.iter().skip_while(|a| *a != name).nth(1).and_then(|n| n.parse().ok())
    };
    // `cargo test` runs benches too: a short case shows that it works.
    let short = !arguments.iter().any(|a| a == "--bench");
    let each = number("--count").unwrap_or(if short { 64 } else { 512 });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!("| facilitators | settlements/s | p50 ms | CPU ms each |");
    println!("|---|---|---|---|");
    let block_ms = u64::try_from(number("--block-ms").unwrap_or(2_000))?;
    let one = runtime.block_on(rate(1, each, block_ms))?;
    let two = runtime.block_on(rate(2, each, block_ms))?;
    println!("two settle {}.{:02} times what one does", two / one, two.saturating_mul(100) / one % 100);
    Ok(())
}

/// Settlements a second of so many facilitators, in thousandths.
async fn rate(facilitators: usize, each: usize, block_ms: u64) -> Outcome<u128> {
    let server = tokio::task::spawn_blocking(Postgres::start).await??;
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE]).payers(64).keep_fresh(false).block_time_ms(block_ms);
    let world = World::with(devnet.free_base_fee()).await?;
    let (program, url) = (env!("CARGO_BIN_EXE_e2e-facilitator"), server.url("postgres"));
    let names = ["one", "two"].into_iter().take(facilitators);
    let fleet: Outcome<Vec<FacilitatorProcess>> = names
        .map(|name| {
            world.shared_facilitator(program, name, (url.as_str(), LEASE_MS), &world.chains(), SIGNERS)
        })
        .collect();
    let fleet = fleet?;
    for facilitator in &fleet {
        facilitator.health().await?;
    }
    shared(&url, facilitators).await?;
    let (client, count) = (reqwest::Client::new(), each * facilitators);
    let bodies: Outcome<Vec<String>> = (0..count).map(|n| world.settle_body(n, 600)).collect();
    let bodies = bodies?;
    let (before, began) = (cpu(&fleet)?, Instant::now());
    let loads = fleet.iter().enumerate().map(|(n, facilitator)| {
        let mine = bodies.iter().skip(n).step_by(facilitators);
        let (client, url) = (&client, format!("{}/settle", facilitator.url()));
        async move { settle_all(client, &url, mine, AT_ONCE).await }
    });
    let took: Outcome<Vec<Vec<Duration>>> = futures::future::join_all(loads).await.into_iter().collect();
    let (all, used) = (began.elapsed(), cpu(&fleet)?.saturating_sub(before));
    let mut took = took?.concat();
    took.sort_unstable();
    let paid = world.chain().usdc_balance(world.devnet.accounts().merchant(0).address()).await?;
    assert_eq!(paid, 100_000_000 + u128::from(PRICE) * u128::try_from(count)?);
    let rate = u128::try_from(count)?.saturating_mul(1_000_000_000) / all.as_micros().max(1);
    let (p50, used) = (took[count / 2].as_millis(), used.as_micros() / u128::try_from(count)?);
    println!(
        "| {facilitators} | {}.{:01} | {p50} | {}.{:03} |",
        rate / 1_000,
        rate % 1_000 / 100,
        used / 1_000,
        used % 1_000
    );
    Ok(rate)
}

/// Waits until every key is somebody's, and each has its share.
async fn shared(url: &str, facilitators: usize) -> Outcome {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    until("each has its share of the keys", PATIENCE, async || {
        let rows = client
            .query("select count(*) from tollway.lease where holder is not null group by holder", &[])
            .await?;
        let fair = i64::try_from(SIGNERS / facilitators)?;
        Ok((rows.len() == facilitators && rows.iter().all(|row| row.get::<_, i64>(0) == fair)).then_some(()))
    })
    .await
}

/// The processor time that the facilitators have used.
fn cpu(fleet: &[FacilitatorProcess]) -> Outcome<Duration> {
    fleet.iter().map(|facilitator| used(facilitator.id().ok_or("a facilitator has gone")?)).sum()
}
