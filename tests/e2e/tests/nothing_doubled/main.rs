//! A thousand payments, 32 at a time, through a client, a server and a facilitator that is killed twenty times, over
//! connections and nodes that fail. Afterwards the chains' own blocks are held against everybody's books.

mod books;
mod load;

use books::Books;
use load::{Load, Plan};
use std::time::{Duration, Instant};
use tollway_devnet::{ChainSpec, Devnet};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::{WINDOW_S, World};
use tollway_e2e::{Outcome, dice};

/// Two storms at once would only take each other's time.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_doubled_and_nothing_is_lost() -> Outcome {
    storm(Plan { payments: 1000, kills: 20, block_ms: None, shop_sees_chains: true }).await
}

/// Where transactions wait for their blocks, a kill finds many of them half way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_doubled_while_transactions_wait_for_blocks() -> Outcome {
    storm(Plan { payments: 240, kills: 10, block_ms: Some(2_000), shop_sees_chains: false }).await
}

async fn storm(plan: Plan) -> Outcome {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (seed, began) = (dice::seed(), Instant::now());
    let devnet = Devnet::builder().chains([ChainSpec::BASE, ChainSpec::ARBITRUM]).keep_fresh(false);
    let world = World::with(devnet.block_time_ms(plan.block_ms)).await?;
    let mut load = Load::start(&world, env!("CARGO_BIN_EXE_e2e-facilitator"), plan, seed).await?;
    let ends = load.run(&world, seed).await?;
    println!("{plan:?} in {:.0?}: {:?}", began.elapsed(), load.tally(&ends));
    println!("{}", load.harm(&world));

    // Nothing fails any more; what is under way comes to its end.
    load.calm(&world);
    let left = load.shop.paywall.drain(Duration::from_secs(60)).await;
    assert_eq!(left, 0, "visits that do not end");
    load.quiet(&world).await?;
    let books = Books::read(&world, &ends).await?;
    books.nothing_is_doubled();
    books.every_answer_was_paid_for();
    books.balances_agree(&world).await?;
    books.signatures(&load);
    books.payers_know(&load).await?;

    // Past every window: what was not used by now never will be, and everybody finds that out.
    for chain in world.devnet.chains() {
        chain.advance_time(Duration::from_secs(WINDOW_S + 10)).await?;
    }
    load.facilitator.restart().await?;
    load.nothing_open(&world).await?;
    books.nothing_changed(&world).await?;
    books.holds_are_closed(&load).await?;
    let mut setup = Setup::new("shop", &load.facilitator.url());
    setup.sees_chains = plan.shop_sees_chains;
    books.the_shop_finds_out(&Shop::open(&world, &setup).await?, plan).await?;
    println!("{:.0?} in all", began.elapsed());
    Ok(())
}
