//! The same header many times at once, and buyers who hang up.

use futures::future::join_all;
use reqwest::Client;
use std::time::Duration;
use tollway_devnet::ChainSpec;
use tollway_e2e::chain::settlements;
use tollway_e2e::dice::{Seeded, seed};
use tollway_e2e::header::{Answer, Ask, encode};
use tollway_e2e::process::FacilitatorProcess;
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;
use tollway_e2e::{Outcome, until};

const FACILITATOR: &str = env!("CARGO_BIN_EXE_e2e-facilitator");
const PATIENCE: Duration = Duration::from_secs(30);

struct Scene {
    world: World,
    _facilitator: FacilitatorProcess,
    shop: Shop,
    client: Client,
}

impl Scene {
    async fn set() -> Outcome<Self> {
        let world = World::start([ChainSpec::BASE]).await?;
        let facilitator = world.facilitator(FACILITATOR, 1, 5_000)?;
        facilitator.health().await?;
        let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
        Ok(Self { world, _facilitator: facilitator, shop, client: Client::new() })
    }

    async fn header(&self, ask: &Ask) -> Outcome<String> {
        let key = self.world.devnet.accounts().payer(0).private_key();
        Ok(encode(&ask.draft(&self.client, key).await?.sign()))
    }

    async fn handler_runs(&self, n: usize) -> Outcome {
        until("the handler runs", PATIENCE, async || Ok((self.shop.runs.total() >= n).then_some(()))).await
    }

    /// Every settlement on the chain is the only one of its authorization; returns how many.
    async fn settled(&self) -> Outcome<usize> {
        let all = settlements(self.world.chain()).await?;
        for (key, tries) in &all {
            assert!(tries.len() == 1 && tries[0].success, "{key:?}: {tries:?}");
        }
        Ok(all.len())
    }

    /// Sends it, and lets nobody hear the answer.
    fn send_away(&self, ask: &Ask, header: &str) -> tokio::task::JoinHandle<Outcome<Answer>> {
        let (ask, header) = (ask.clone(), header.to_owned());
        // A connection of its own, which goes with the task.
        tokio::spawn(async move { ask.send(&Client::new(), Some(&header)).await })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_at_once_are_one_payment() -> Outcome {
    let scene = Scene::set().await?;
    let ask = Ask::get(&scene.shop.url, "/8453/a");
    let header = scene.header(&ask).await?;
    scene.shop.let_handlers(false);
    let all: Vec<_> = (0..32).map(|_| scene.send_away(&ask, &header)).collect();
    scene.handler_runs(1).await?;
    scene.shop.let_handlers(true);
    let mut answers = Vec::new();
    for answer in join_all(all).await {
        answers.push(answer??);
    }
    assert_eq!(answers[0].status, 200, "{:?}", answers[0]);
    assert!(answers[0].transaction().is_some());
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    assert_eq!((scene.shop.runs.total(), scene.settled().await?), (1, 1));

    // And with nobody held up, again and again.
    for round in 0..10 {
        let ask = Ask::get(&scene.shop.url, &format!("/8453/b?round={round}"));
        let header = scene.header(&ask).await?;
        let all = join_all((0..32).map(|_| ask.send(&scene.client, Some(&header)))).await;
        let answers = all.into_iter().collect::<Outcome<Vec<Answer>>>()?;
        assert!(answers.iter().all(|a| *a == answers[0] && a.status == 200), "{answers:?}");
        assert_eq!(scene.shop.runs.of(&format!("GET /8453/b?round={round}")), 1);
    }
    assert_eq!(scene.settled().await?, 11);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_served_or_settled_finds_the_receipt() -> Outcome {
    let scene = Scene::set().await?;
    let chain = scene.world.chain();

    let served = Ask::get(&scene.shop.url, "/8453/a?hangs=up&in=the-handler");
    let header = scene.header(&served).await?;
    scene.shop.let_handlers(false);
    let gone = scene.send_away(&served, &header);
    scene.handler_runs(1).await?;
    gone.abort();
    assert!(gone.await.is_err_and(|e| e.is_cancelled()));
    scene.shop.let_handlers(true);
    until("the settlement that nobody waits for", PATIENCE, async || {
        Ok((scene.settled().await? == 1).then_some(()))
    })
    .await?;
    let answer = served.send(&scene.client, Some(&header)).await?;
    assert_eq!((answer.status, answer.body.as_str()), (200, "run 1 of GET /8453/a?hangs=up&in=the-handler"));

    let settling = Ask::get(&scene.shop.url, "/8453/a?hangs=up&in=the-settlement");
    let header = scene.header(&settling).await?;
    chain.set_automine(false).await?;
    let gone = scene.send_away(&settling, &header);
    until("a transaction that waits for its block", PATIENCE, async || {
        let pool = chain.call("txpool_status", serde_json::json!([])).await?;
        Ok((pool["pending"] != "0x0").then_some(()))
    })
    .await?;
    gone.abort();
    assert!(gone.await.is_err_and(|e| e.is_cancelled()));
    chain.set_automine(true).await?;
    chain.mine(1).await?;
    let answer = settling.send(&scene.client, Some(&header)).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.transaction().is_some(), "{answer:?}");
    assert_eq!((scene.shop.runs.total(), scene.settled().await?), (2, 2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_at_any_moment_pays_once() -> Outcome {
    let (scene, dice) = (Scene::set().await?, Seeded::new(seed()));
    for n in 0..40 {
        let ask = Ask::get(&scene.shop.url, &format!("/8453/a?n={n}"));
        let header = scene.header(&ask).await?;
        let gone = scene.send_away(&ask, &header);
        tokio::time::sleep(Duration::from_micros(dice.below(60_000))).await;
        gone.abort();
        let answer = ask.send(&scene.client, Some(&header)).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(scene.shop.runs.of(&format!("GET /8453/a?n={n}")), 1, "{n}");
        assert_eq!(ask.send(&scene.client, Some(&header)).await?, answer);
    }
    assert_eq!(scene.settled().await?, 40);
    Ok(())
}
