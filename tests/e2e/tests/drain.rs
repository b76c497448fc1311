//! A facilitator that is told to end, or made to, while settlements are under way.

use futures::future::join_all;
use reqwest::Client;
use std::time::Duration;
use tokio::task::JoinHandle;
use tollway::core::Ledger;
use tollway::ledger::SqliteLedger;
use tollway_devnet::ChainSpec;
use tollway_e2e::chain::settlements;
use tollway_e2e::header::{Answer, Ask, encode};
use tollway_e2e::process::FacilitatorProcess;
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;
use tollway_e2e::{Outcome, until};

const FACILITATOR: &str = env!("CARGO_BIN_EXE_e2e-facilitator");
const PATIENCE: Duration = Duration::from_secs(60);
const PAYMENTS: usize = 8;

/// Payments whose transactions wait for a block.
struct Scene {
    world: World,
    facilitator: FacilitatorProcess,
    shop: Shop,
    asks: Vec<(Ask, String)>,
    answers: Vec<JoinHandle<Outcome<Answer>>>,
}

impl Scene {
    async fn set() -> Outcome<Self> {
        let world = World::start([ChainSpec::BASE]).await?;
        let facilitator = world.facilitator(FACILITATOR, 2, 5_000)?;
        facilitator.health().await?;
        let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
        let client = Client::new();
        let mut asks = Vec::new();
        for n in 0..PAYMENTS {
            let ask = Ask::get(&shop.url, &format!("/8453/a?n={n}"));
            let key = world.devnet.accounts().payer(n).private_key();
            let header = encode(&ask.draft(&client, key).await?.sign());
            asks.push((ask, header));
        }
        world.chain().set_automine(false).await?;
        let send = |(ask, header): (Ask, String)| {
            let client = client.clone();
            tokio::spawn(async move { ask.send(&client, Some(&header)).await })
        };
        let answers = asks.iter().cloned().map(send).collect();
        until("transactions that wait for a block", PATIENCE, async || {
            let pool = world.chain().call("txpool_status", serde_json::json!([])).await?;
            Ok((pool["pending"] == format!("{PAYMENTS:#x}")).then_some(()))
        })
        .await?;
        Ok(Self { world, facilitator, shop, asks, answers })
    }

    async fn answers(&mut self) -> Outcome<Vec<Answer>> {
        let mut all = Vec::new();
        for answer in join_all(self.answers.drain(..)).await {
            all.push(answer??);
        }
        Ok(all)
    }

    async fn mine_again(&self) -> Outcome {
        self.world.chain().set_automine(true).await?;
        Ok(self.world.chain().mine(1).await?)
    }

    /// One transaction for each payment, and nothing open in the facilitator's journal.
    async fn all_is_well(&self) -> Outcome {
        let all = settlements(self.world.chain()).await?;
        assert_eq!(all.len(), PAYMENTS);
        assert!(all.values().all(|tries| tries.len() == 1 && tries[0].success), "{all:?}");
        let ledger = SqliteLedger::open(self.facilitator.ledger())?;
        for room in ["visit/facilitator/", "evm/eip155:8453/open/"] {
            let open = until(room, PATIENCE, async || {
                Ok(ledger.scan(room, None, 9).await?.is_empty().then_some(()))
            });
            open.await?;
        }
        assert_eq!(self.shop.runs.total(), PAYMENTS);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_ends_before_the_process_does() -> Outcome {
    for signal in ["TERM", "INT"] {
        let mut scene = Scene::set().await?;
        scene.facilitator.signal(signal).await?;
        // It takes nothing new.
        let health = format!("{}/health", scene.facilitator.url());
        until("it takes nothing new", PATIENCE, async || {
            Ok(reqwest::get(&health).await.is_err().then_some(()))
        })
        .await?;
        scene.mine_again().await?;
        for answer in scene.answers().await? {
            assert_eq!(answer.status, 200, "{signal}: {answer:?}");
            assert!(answer.transaction().is_some());
        }
        let status = scene.facilitator.ended().await?;
        assert!(status.success(), "{signal}: {status}\n{}", scene.facilitator.log_tail());
        scene.all_is_well().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_end_is_taken_up_by_the_next_start() -> Outcome {
    let mut scene = Scene::set().await?;
    scene.facilitator.signal("TERM").await?;
    let health = format!("{}/health", scene.facilitator.url());
    until("it takes nothing new", PATIENCE, async || Ok(reqwest::get(&health).await.is_err().then_some(())))
        .await?;
    // As an orchestrator does when its patience is over.
    scene.facilitator.kill().await?;
    scene.facilitator.again()?;
    scene.facilitator.health().await?;
    scene.mine_again().await?;
    // Whoever waited is served by the very same settlement; whoever gave up asks with the same header.
    let answers = scene.answers().await?;
    for ((ask, header), answer) in scene.asks.iter().zip(answers) {
        let answer =
            if answer.status == 200 { answer } else { ask.send(&Client::new(), Some(header)).await? };
        assert_eq!(answer.status, 200, "{answer:?}\n{}", scene.facilitator.log_tail());
        assert!(answer.transaction().is_some());
    }
    scene.all_is_well().await
}
