//! Two facilitators behind one shop, and one of them is killed while payments are under way.

use alloy::primitives::Address;
use futures::future::join_all;
use reqwest::Client;
use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;
use tollway_devnet::ChainSpec;
use tollway_e2e::chain::settlements;
use tollway_e2e::header::{Answer, Ask, encode};
use tollway_e2e::process::{FacilitatorProcess, Settings, free_port};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;
use tollway_e2e::{Outcome, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A facilitator of its own name, ledger and key.
async fn facilitator(world: &World, name: &str, nth: usize) -> Outcome<FacilitatorProcess> {
    let settings = Settings {
        name: name.to_owned(),
        port: free_port()?,
        database: None,
        lease_ms: 0,
        ledger: world.ledger(name),
        chains: world.chains(),
        senders: vec![world.devnet.accounts().settler(nth).private_key().to_owned()],
        patience_ms: 5_000,
    };
    let process = FacilitatorProcess::start(env!("CARGO_BIN_EXE_e2e-facilitator"), settings)?;
    process.health().await?;
    Ok(process)
}

struct Buyers<'a> {
    client: Client,
    ask: Ask,
    key: &'a str,
}

impl Buyers<'_> {
    async fn header(&self) -> Outcome<String> {
        Ok(encode(&self.ask.draft(&self.client, self.key).await?.sign()))
    }
    async fn pay(&self) -> Outcome<Answer> {
        self.ask.send(&self.client, Some(&self.header().await?)).await
    }
}

/// Who sent the transaction of a receipt.
async fn sender(world: &World, answer: &Answer) -> Outcome<Address> {
    let tx = answer.transaction().ok_or_else(|| format!("no transaction: {answer:?}"))?;
    let found = world.chain().call("eth_getTransactionByHash", serde_json::json!([tx])).await?;
    Ok(found["from"].as_str().unwrap_or_default().parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed_and_every_payment_is_settled_once() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let (mut first, second) =
        (facilitator(&world, "first", 0).await?, facilitator(&world, "second", 1).await?);
    let setup = Setup { others: vec![second.url()], patience_ms: 2_000, ..Setup::new("shop", &first.url()) };
    let shop = Shop::open(&world, &setup).await?;
    let key = world.devnet.accounts().payer(0).private_key();
    let buyers = Buyers { client: Client::new(), ask: Ask::get(&shop.url, "/8453/a"), key };
    let [one, two] = [0, 1].map(|nth| world.devnet.accounts().settler(nth).address().parse::<Address>());
    let (one, two) = (one?, two?);

    // Alike in price, the first in the list settles.
    for _ in 0..4 {
        let answer = buyers.pay().await?;
        assert_eq!((answer.status, sender(&world, &answer).await?), (200, one), "{answer:?}");
    }

    // Twenty-four at once, and in the middle of them the first is gone.
    let mut headers = Vec::new();
    for _ in 0..24 {
        headers.push(buyers.header().await?);
    }
    let asks = headers.iter().map(|header| {
        let (ask, header) = (buyers.ask.clone(), header.clone());
        tokio::spawn(async move { ask.send(&Client::new(), Some(&header)).await })
    });
    let asks: Vec<_> = asks.collect();
    until("some are served", PATIENCE, async || Ok((shop.runs.total() >= 12).then_some(()))).await?;
    first.kill().await?;
    let mut answers = Vec::new();
    for asked in join_all(asks).await {
        answers.push(asked??);
    }

    // Nobody has to wait for it to come back.
    for _ in 0..4 {
        let answer = buyers.pay().await?;
        assert_eq!((answer.status, sender(&world, &answer).await?), (200, two), "{answer:?}");
    }

    // What nobody knew of is known once it is back: by the one that was asked, and by no other.
    first.again()?;
    first.health().await?;
    until("nothing is left open", PATIENCE, async || Ok((shop.gate.recover().await? == 0).then_some(())))
        .await?;
    for (header, answer) in headers.iter().zip(&mut answers) {
        if answer.status != 200 {
            *answer = buyers.ask.send(&buyers.client, Some(header)).await?;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // And it gets new ones: a probe has found it well.
    let more = Cell::new(0);
    until("the first settles again", PATIENCE, async || {
        more.set(more.get() + 1);
        let answer = buyers.pay().await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        Ok((sender(&world, &answer).await? == one).then_some(()))
    })
    .await?;
    let transactions: HashSet<_> = answers.iter().filter_map(Answer::transaction).collect();
    assert_eq!(transactions.len(), 24);
    let settled = settlements(world.chain()).await?;
    assert_eq!(settled.len(), 4 + 24 + 4 + more.get());
    for (authorization, tries) in &settled {
        assert!(tries.len() == 1 && tries[0].success, "{authorization:?}: {tries:?}");
    }
    Ok(())
}
