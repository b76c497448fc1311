//! What the logs hold of a payment, everything switched on: what it is called, and nothing that could be used.

use crate::kit::{Outcome, run};
use crate::world::World;
use serde_json::{Value, json};

/// The words of a transaction's call data: 32 bytes each, as hex.
fn words(input: &str) -> Vec<&str> {
    let data = input.get(10..).unwrap_or("");
    (0..data.len() / 64).filter_map(|n| data.get(n * 64..n * 64 + 64)).collect()
}

/// The value behind `name=` in the first line that has it.
fn field<'a>(log: &'a str, name: &str) -> Outcome<&'a str> {
    let at = log.find(name).ok_or_else(|| format!("no {name} in the log: {:.2000}", log))?;
    let rest = &log[at + name.len()..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Ok(&rest[..end])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_the_loudest_level_tells_its_name_and_no_secret() -> Outcome {
    let world = World::start().await?;
    let base = world.chain()?.http_url();
    let config = world.config().replace(&base, &format!("{base}/s3cretpath?key=s3cretquery"));
    world.write("tollway.toml", &config)?;
    let mut loud = world.command(&["facilitator"]);
    loud.env("TOLLWAY_LOG", "trace");
    let shop = world.open_shop_beside(loud).await?;
    let mut paying =
        world.command(&["pay", "--max", "0.05", "--json", &format!("{}/weather?k=s3cret", shop.url)]);
    paying.env("TOLLWAY_LOG", "trace");
    let paid = tokio::task::spawn_blocking(move || run(paying)).await??;
    assert_eq!(paid.good(), "sunny\n");
    let settled = shop.facilitator.interrupt()?;

    let receipt =
        paid.err.lines().find_map(|line| serde_json::from_str::<Value>(line).ok()).ok_or("no receipt")?;
    let sent = world.chain()?.call("eth_getTransactionByHash", json!([receipt["transaction"]])).await?;
    let input = sent["input"].as_str().ok_or("no input")?;
    // from, to, value, validAfter, validBefore, nonce, and the signature behind them.
    let words = words(input);
    assert!(words.len() >= 9, "{input}");
    let (payer, facilitator) = (paid.err.to_lowercase(), settled.err.to_lowercase());
    for (side, log) in [("payer", &payer), ("facilitator", &facilitator)] {
        for word in words.iter().skip(5).filter(|word| !word.starts_with("0000000000000000")) {
            let line = log.lines().find(|line| line.contains(*word));
            assert!(line.is_none(), "{word} of the authorization is in the {side}'s log: {line:.600?}");
        }
        assert!(!log.contains("s3cret"), "a URL's secret is in the {side}'s log");
    }
    world.keeps_secrets(&paid);
    world.keeps_secrets(&settled);

    let attempt = field(&paid.err, "attempt=\"")?;
    assert_eq!(attempt.len(), 32, "the attempt's own name");
    let name = field(&settled.err, "settle{payment=\"")?;
    assert_eq!(name, field(&settled.err, "verify{payment=\"")?);
    assert!(
        name.len() == 16 && paid.err.contains(&format!("payment=\"{name}\"")),
        "both sides call it the same"
    );
    Ok(())
}

/// A collector that keeps what it is sent.
#[cfg(feature = "otel")]
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_spans_of_a_payment() -> Outcome {
    use axum::body::Bytes;
    use std::sync::{Arc, Mutex};

    let got: Arc<Mutex<Vec<u8>>> = Arc::default();
    let keep = got.clone();
    let traces = axum::routing::post(move |body: Bytes| async move {
        if let Ok(mut got) = keep.lock() {
            got.extend_from_slice(&body);
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/v1/traces", traces)).await });

    let world = World::start().await?;
    let mut telling = world.command(&["facilitator"]);
    telling.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    let shop = world.open_shop_beside(telling).await?;
    let mut paying = world.command(&["pay", "--max", "0.05", &format!("{}/weather", shop.url)]);
    paying.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    let paid = tokio::task::spawn_blocking(move || run(paying)).await??;
    assert_eq!(paid.good(), "sunny\n");
    assert_eq!(shop.facilitator.interrupt()?.code, Some(0));
    let spans = got.lock().map(|got| String::from_utf8_lossy(&got).into_owned()).map_err(|_| "poisoned")?;
    for words in ["tollway", "pay", "verify", "settle", "attempt", "payment", "eip155:8453"] {
        assert!(spans.contains(words), "{words:?} is in no span: {spans:?}");
    }
    let key = world.devnet.accounts().payer(0).private_key();
    assert!(!spans.contains(key.trim_start_matches("0x")));
    Ok(())
}
