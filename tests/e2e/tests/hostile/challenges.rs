//! 402s that are not what they should be, read by a paying client.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::any;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use tollway::core::{Role, Usd};
use tollway::http::client::{ClientSettings, PayError, PayingClient, Quoted};
use tollway::route::Policy;
use tollway_devnet::ChainSpec;
use tollway_e2e::Outcome;
use tollway_e2e::header::encode;
use tollway_e2e::keys::CountingKey;
use tollway_e2e::world::{HouseKeys, World};

type Said = Arc<Mutex<Value>>;

async fn ask(State(said): State<Said>) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::new();
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(value) = HeaderValue::from_str(&encode(&said)) {
        headers.insert("payment-required", value);
    }
    (StatusCode::PAYMENT_REQUIRED, headers)
}

/// Whether the whole challenge is refused, or its one entry.
enum Refused {
    Whole(&'static str),
    Entry(&'static str),
}
use Refused::{Entry, Whole};

fn entry(v: &mut Value, key: &str, value: impl Into<Value>) {
    v["accepts"][0][key] = value.into();
}

type Row = (&'static str, Refused, fn(&mut Value));

const TABLE: &[Row] = &[
    ("257 entries", Whole("too_large"), |v| {
        let one = json!({ "scheme": "a" });
        v["accepts"] = vec![one; 257].into();
    }),
    ("10,000 entries", Whole("too_large"), |v| {
        v["accepts"] = vec![json!({}); 10_000].into();
    }),
    ("deep nesting", Whole("too_large"), |v| {
        let mut deep = json!({});
        (0..100).for_each(|_| deep = json!({ "x": deep.take() }));
        v["accepts"][0]["extra"] = deep;
    }),
    ("no list", Whole("invalid_payload"), |v| v["accepts"] = "all".into()),
    ("version 3", Whole("invalid_x402_version"), |v| v["x402Version"] = 3.into()),
    ("a negative amount", Entry("invalid_amount"), |v| entry(v, "amount", "-1")),
    ("a fraction", Entry("invalid_amount"), |v| entry(v, "amount", "0.5")),
    ("an amount above 2^128", Entry("invalid_amount"), |v| {
        entry(v, "amount", "340282366920938463463374607431768221456");
    }),
    ("all money there is", Entry("insufficient_funds"), |v| {
        entry(v, "amount", "340282366920938463463374607431768211455");
    }),
    ("no amount", Entry("invalid_payment_requirements"), |v| entry(v, "amount", Value::Null)),
    ("a payee that is none", Entry("invalid_address"), |v| entry(v, "payTo", "0x12")),
    ("a token that is none", Entry("invalid_address"), |v| entry(v, "asset", "USDC")),
    ("a token that nobody knows", Entry("unknown_asset"), |v| {
        entry(v, "asset", "0x000000000000000000000000000000000000dEaD");
    }),
    ("the domain of another token", Entry("invalid_exact_evm_token_name_mismatch"), |v| {
        v["accepts"][0]["extra"]["name"] = "Other Coin".into();
    }),
    ("a chain that is not here", Entry("invalid_network"), |v| entry(v, "network", "eip155:10")),
    ("a scheme that nobody knows", Entry("unsupported_scheme"), |v| entry(v, "scheme", "gift")),
    ("a window of a year", Entry("policy_denied"), |v| entry(v, "maxTimeoutSeconds", 31_536_000)),
    ("a window of nothing", Entry("policy_denied"), |v| entry(v, "maxTimeoutSeconds", 0)),
    ("more than the cap", Entry("over_cap"), |v| entry(v, "amount", "60000")),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_is_rejected_by_its_name_and_nothing_is_signed() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let key = Arc::new(CountingKey::from_hex(world.devnet.accounts().payer(0).private_key())?);
    let keys = HouseKeys { payer: Some(key.clone()), senders: Vec::new() };
    let house = world.house("buyer", Role::Payer, &keys).await?;
    let policy = Policy { cap: Some(Usd::parse("0.05")?), allow_mainnet: true, ..Policy::default() };
    let router = house.router(policy);
    let client = PayingClient::new(reqwest::Client::builder(), router.clone(), ClientSettings::default())?;
    let honest = json!({
        "x402Version": 2,
        "resource": { "url": "http://127.0.0.1/a" },
        "accepts": [{
            "scheme": "exact", "network": "eip155:8453", "amount": "10000", "asset": world.chain().usdc(),
            "payTo": world.devnet.accounts().merchant(0).address(), "maxTimeoutSeconds": 60,
            "extra": { "name": "USD Coin", "version": "2" },
        }],
    });
    let said: Said = Arc::default();
    let app = Router::new().fallback(any(ask)).with_state(said.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/a", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let say = |value: Value| *said.lock().unwrap_or_else(PoisonError::into_inner) = value;

    let mut wrong = Vec::new();
    for (what, refused, twist) in TABLE {
        say(honest.clone());
        match client.quote(client.request(reqwest::Method::GET, &url).build()?).await {
            Ok(Quoted::Asked(asked)) if asked.explanation.routes.len() == 1 => {}
            other => wrong.push(format!("{what}: the twin: {:?}", other.map(|_| "not ranked"))),
        }
        let mut hostile = honest.clone();
        twist(&mut hostile);
        say(hostile);
        let found = match client.get(&url).await {
            Err(PayError::Failed(e)) => format!("{e}"),
            Err(e) => format!("not refused by us: {e}"),
            Ok(answer) => format!("{:?}", answer.standing),
        };
        let right = match refused {
            Whole(code) => found.starts_with(code),
            Entry(code) => found.starts_with("no_route") && found.contains(code),
        };
        if !right {
            wrong.push(format!("{what}: {found}"));
        }
    }
    server.abort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(key.signed(), 0);
    assert!(router.attempts().await?.is_empty());
    Ok(())
}
