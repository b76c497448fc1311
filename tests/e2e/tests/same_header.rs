//! The same payment header again: on the same request it is answered from memory, on any other it is a replay.

use http::Method;
use reqwest::Client;
use tollway_devnet::ChainSpec;
use tollway_e2e::Outcome;
use tollway_e2e::chain::settlements;
use tollway_e2e::header::{Answer, Ask, encode};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;

const FACILITATOR: &str = env!("CARGO_BIN_EXE_e2e-facilitator");

/// The only transaction of the chain that used an authorization.
async fn settled_once(world: &World) -> Outcome<String> {
    let all: Vec<_> = settlements(world.chain()).await?.into_values().flatten().collect();
    let [only] = all.as_slice() else { return Err(format!("not one settlement: {all:?}").into()) };
    assert!(only.success);
    Ok(only.transaction.clone())
}

fn is_paid(answer: &Answer, transaction: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.receipt.as_ref().map(|r| r["success"].clone()), Some(true.into()), "{answer:?}");
    assert_eq!(answer.transaction(), Some(transaction), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_its_receipt_again_also_after_a_restart() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let mut facilitator = world.facilitator(FACILITATOR, 1, 5_000)?;
    facilitator.health().await?;
    let (client, mut setup) = (Client::new(), Setup::new("shop", &facilitator.url()));
    let shop = Shop::open(&world, &setup).await?;
    let ask = |shop: &Shop| Ask::get(&shop.url, "/8453/a?x=1");
    let header =
        encode(&ask(&shop).draft(&client, world.devnet.accounts().payer(0).private_key()).await?.sign());

    let first = ask(&shop).send(&client, Some(&header)).await?;
    let transaction = settled_once(&world).await?;
    is_paid(&first, &transaction);
    assert_eq!(first.body, "run 1 of GET /8453/a?x=1");
    for _ in 0..3 {
        assert_eq!(ask(&shop).send(&client, Some(&header)).await?, first);
    }
    assert_eq!(shop.runs.total(), 1);

    // A new process over the same file knows it too.
    drop(shop);
    let shop = Shop::open(&world, &setup).await?;
    assert_eq!(ask(&shop).send(&client, Some(&header)).await?, first);
    assert_eq!(shop.runs.total(), 0);

    // So does one whose facilitator is away: what is in the books takes nobody to ask.
    drop(shop);
    facilitator.kill().await?;
    let shop = Shop::open(&world, &setup).await?;
    assert_eq!(ask(&shop).send(&client, Some(&header)).await?, first);
    assert_eq!(shop.runs.total(), 0);
    facilitator.again()?;
    facilitator.health().await?;

    // A shop that keeps no answers still keeps receipts.
    drop(shop);
    setup.keeps_answers = false;
    let shop = Shop::open(&world, &setup).await?;
    let bare = ask(&shop).send(&client, Some(&header)).await?;
    is_paid(&bare, &transaction);
    assert!(bare.body.contains("\"replayed\":true"), "{}", bare.body);
    assert_eq!(shop.runs.total(), 0);
    assert_eq!(settled_once(&world).await?, transaction);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_any_other_request_it_is_a_replay() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let facilitator = world.facilitator(FACILITATOR, 1, 5_000)?;
    facilitator.health().await?;
    let (client, setup) = (Client::new(), Setup::new("shop", &facilitator.url()));
    let shop = Shop::open(&world, &setup).await?;
    let key = world.devnet.accounts().payer(0).private_key();
    let ask = Ask::get(&shop.url, "/8453/a?x=1");
    let header = encode(&ask.draft(&client, key).await?.sign());
    let first = ask.send(&client, Some(&header)).await?;
    is_paid(&first, &settled_once(&world).await?);

    let at = |path: &str| Ask { url: format!("{}{path}", shop.url), ..ask.clone() };
    let others = [
        ("another resource", at("/8453/b?x=1")),
        ("another query", at("/8453/a?x=2")),
        ("no query", at("/8453/a")),
        ("another host", Ask { host: "other.example".to_owned(), ..ask.clone() }),
        ("another port", Ask { host: "shop.example:8080".to_owned(), ..ask.clone() }),
        ("another method", Ask { method: Method::POST, ..ask.clone() }),
        ("another body", Ask { body: "more".to_owned(), ..ask.clone() }),
    ];
    for (what, other) in &others {
        let answer = other.send(&client, Some(&header)).await?;
        assert_eq!(answer.status, 402, "{what}: {answer:?}");
        assert_eq!(answer.code(), "payment_replayed", "{what}: {answer:?}");
        assert_eq!(answer.receipt, None, "{what}: {answer:?}");
        // The very same request with a payment of its own is served.
        let fresh = encode(&other.draft(&client, key).await?.sign());
        assert_eq!(other.send(&client, Some(&fresh)).await?.status, 200, "{what}");
        assert_eq!(ask.send(&client, Some(&header)).await?, first, "{what} spoiled the honest one");
    }
    assert_eq!(shop.runs.total(), 1 + others.len());

    // A shop of somebody else, who is paid on the same account and has never seen it.
    let stranger = Shop::open(&world, &Setup::new("stranger", &facilitator.url())).await?;
    let elsewhere = Ask { url: format!("{}/8453/a?x=1", stranger.url), ..ask.clone() };
    let answer = elsewhere.send(&client, Some(&header)).await?;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (402, "invalid_exact_evm_nonce_already_used"),
        "{answer:?}"
    );
    assert_eq!(stranger.runs.total(), 0);
    Ok(())
}
