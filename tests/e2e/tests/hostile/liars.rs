//! Facilitators that lie. Each is an honest one behind somebody who changes its answers.

use alloy::primitives::Address;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::any;
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;
use tollway_devnet::ChainSpec;
use tollway_e2e::Outcome;
use tollway_e2e::chain::settlements;
use tollway_e2e::header::{Ask, encode};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;

/// What is made of an answer, and under which status it goes out.
type Lie = fn(&mut Value) -> u16;

#[derive(Clone, Copy)]
struct Lies {
    verify: Lie,
    settle: Lie,
    /// Whether the honest one is told to settle at all.
    settles: bool,
}

fn truth(_: &mut Value) -> u16 {
    200
}

const HONEST: Lies = Lies { verify: truth, settle: truth, settles: true };

struct Liar {
    url: String,
    lies: Arc<Mutex<Lies>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Behind {
    honest: String,
    client: Client,
    lies: Arc<Mutex<Lies>>,
}

impl Liar {
    async fn before(honest: &str) -> Outcome<Self> {
        let lies = Arc::new(Mutex::new(HONEST));
        let behind = Behind { honest: honest.to_owned(), client: Client::new(), lies: lies.clone() };
        let app = Router::new().fallback(any(answer)).with_state(behind);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { url, lies, server })
    }

    fn says(&self, lies: Lies) {
        *self.lies.lock().unwrap_or_else(PoisonError::into_inner) = lies;
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(behind): State<Behind>, uri: Uri, body: Bytes) -> (StatusCode, String) {
    let lies = *behind.lies.lock().unwrap_or_else(PoisonError::into_inner);
    let url = format!("{}{uri}", behind.honest);
    let honest = async || -> reqwest::Result<Value> {
        let request = if body.is_empty() { behind.client.get(&url) } else { behind.client.post(&url) };
        request.body(body.clone()).send().await?.json().await
    };
    let (lie, mut value) = match uri.path() {
        "/verify" => (lies.verify, honest().await.unwrap_or_default()),
        "/settle" if lies.settles => (lies.settle, honest().await.unwrap_or_default()),
        "/settle" => (lies.settle, json!({})),
        _ => (HONEST.verify, honest().await.unwrap_or_default()),
    };
    let status = lie(&mut value);
    (StatusCode::from_u16(status).unwrap_or_default(), value.to_string())
}

fn approves(v: &mut Value) -> u16 {
    *v = json!({ "isValid": true });
    200
}

fn with(v: &mut Value, key: &str, value: impl Into<Value>) -> u16 {
    v[key] = value.into();
    200
}

fn settled(v: &mut Value, transaction: &str) -> u16 {
    *v = json!({ "success": true, "network": "eip155:8453", "transaction": transaction });
    200
}

const OTHER: &str = "0x000000000000000000000000000000000000dEaD";
const NO_TX: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// What it says, what the buyer of a shop that has nobody else to ask is told (status, word), whether the handler runs,
/// and whether money moves.
type Row = (&'static str, Lies, (u16, &'static str), bool, bool);

const TABLE: &[Row] = &[
    (
        "verify names another payer",
        Lies { verify: |v| with(v, "payer", OTHER), ..HONEST },
        (502, "invalid_answer"),
        false,
        false,
    ),
    (
        "verify says neither",
        Lies {
            verify: |v| {
                *v = json!({});
                200
            },
            ..HONEST
        },
        (502, "invalid_answer"),
        false,
        false,
    ),
    (
        "verify says valid under a 500",
        Lies {
            verify: |v| {
                approves(v);
                500
            },
            ..HONEST
        },
        (502, "unreachable"),
        false,
        false,
    ),
    (
        "verify says valid as text",
        Lies { verify: |v| with(v, "isValid", "true"), ..HONEST },
        (502, "invalid_answer"),
        false,
        false,
    ),
    (
        "settled, without a transaction",
        Lies { settle: |v| settled(v, ""), settles: false, ..HONEST },
        (402, "invalid_answer"),
        true,
        false,
    ),
    (
        "settled, and nothing else said",
        Lies {
            settle: |v| {
                *v = json!({ "success": true });
                200
            },
            settles: false,
            ..HONEST
        },
        (402, "invalid_answer"),
        true,
        false,
    ),
    (
        "settled under a 500",
        Lies {
            settle: |v| {
                settled(v, NO_TX);
                500
            },
            settles: false,
            ..HONEST
        },
        (402, "invalid_answer"),
        true,
        false,
    ),
    (
        "settled, with a sentence for a transaction",
        Lies { settle: |v| settled(v, "it is done"), settles: false, ..HONEST },
        (402, "receipt_mismatch"),
        true,
        false,
    ),
    (
        "the receipt is for less",
        Lies { settle: |v| with(v, "amount", "9999"), ..HONEST },
        (402, "receipt_mismatch"),
        true,
        true,
    ),
    (
        "the receipt is for more",
        Lies { settle: |v| with(v, "amount", "10001"), ..HONEST },
        (402, "settled_more_than_asked"),
        true,
        true,
    ),
    (
        "the receipt's amount is negative",
        Lies { settle: |v| with(v, "amount", "-10000"), ..HONEST },
        (402, "receipt_mismatch"),
        true,
        true,
    ),
    (
        "the receipt's amount overflows",
        Lies { settle: |v| with(v, "amount", "340282366920938463463374607431768221456"), ..HONEST },
        (402, "receipt_mismatch"),
        true,
        true,
    ),
    (
        "the receipt is for another network",
        Lies { settle: |v| with(v, "network", "eip155:1"), ..HONEST },
        (402, "receipt_mismatch"),
        true,
        true,
    ),
    (
        "the receipt names another payer",
        Lies { settle: |v| with(v, "payer", OTHER), ..HONEST },
        (402, "receipt_mismatch"),
        true,
        true,
    ),
    (
        "it settles and says that it could not, with the transaction",
        Lies {
            settle: |v| {
                v["errorReason"] = "insufficient_funds".into();
                with(v, "success", false)
            },
            ..HONEST
        },
        (402, "insufficient_funds"),
        true,
        true,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_is_found_out_and_the_honest_word_believed() -> Outcome {
    lies_to(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_sees_the_chain_believes_the_chain() -> Outcome {
    lies_to(true).await
}

async fn lies_to(sees_chains: bool) -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let facilitator = world.facilitator(env!("CARGO_BIN_EXE_e2e-facilitator"), 1, 5_000)?;
    facilitator.health().await?;
    let liar = Liar::before(&facilitator.url()).await?;
    // A short patience: a liar's story does not change, so an unknown outcome stays one.
    let setup = Setup { patience_ms: 500, sees_chains, ..Setup::new("shop", &liar.url) };
    let shop = Shop::open(&world, &setup).await?;
    let (client, key) = (Client::new(), world.devnet.accounts().payer(0).private_key());
    let mut wrong = Vec::new();
    let mut expected = 0;
    for (n, (what, lies, (status, word), runs, moves)) in TABLE.iter().enumerate() {
        let ask = Ask::get(&shop.url, &format!("/8453/a?n={n}"));
        let header = encode(&ask.draft(&client, key).await?.sign());
        liar.says(*lies);
        let answer = ask.send(&client, Some(&header)).await?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let receipt = answer.receipt.clone().unwrap_or_default();
        if sees_chains && *moves {
            // Whatever was said of it, money moved: the receipt is the chain's.
            if answer.status != 200 || receipt["success"] != true || receipt["amount"] != "10000" {
                wrong.push(format!("{what}: {answer:?}"));
            }
        } else if answer.status != *status || body["error"] != *word || receipt["success"] == true {
            wrong.push(format!("{what}: {answer:?}"));
        }
        let ran = shop.runs.of(&format!("GET /8453/a?n={n}"));
        if ran != usize::from(*runs) {
            wrong.push(format!("{what}: the handler ran {ran} times"));
        }
        expected += usize::from(*moves);
        // The same payment under the truth: it is settled now, if it was not, and served without running twice.
        liar.says(HONEST);
        let twin = ask.send(&client, Some(&header)).await?;
        if twin.status != 200 || twin.transaction().is_none() {
            wrong.push(format!("{what}: under the truth {twin:?}"));
        }
        expected += usize::from(!*moves);
        if shop.runs.of(&format!("GET /8453/a?n={n}")) != 1 {
            wrong.push(format!("{what}: the handler ran twice"));
        }
        let settled = settlements(world.chain()).await?;
        if settled.len() != expected || settled.values().any(|t| t.len() != 1 || !t[0].success) {
            wrong.push(format!("{what}: {} settlements, {expected} were expected", settled.len()));
            expected = settled.len();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_approves_a_payment_to_somebody_else_is_not_asked_twice() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let facilitator = world.facilitator(env!("CARGO_BIN_EXE_e2e-facilitator"), 1, 5_000)?;
    facilitator.health().await?;
    let liar = Liar::before(&facilitator.url()).await?;
    let shop = Shop::open(&world, &Setup::new("shop", &liar.url)).await?;
    let (client, key) = (Client::new(), world.devnet.accounts().payer(0).private_key());
    let ask = Ask::get(&shop.url, "/8453/a");
    liar.says(Lies { verify: approves, settle: |v| settled(v, NO_TX), settles: false });
    for (what, code) in [
        ("to", "invalid_exact_evm_payload_recipient_mismatch"),
        ("value", "invalid_exact_evm_payload_authorization_value_mismatch"),
        ("signature", "invalid_exact_evm_payload_signature"),
        ("window", "invalid_exact_evm_payload_authorization_valid_before"),
    ] {
        let mut draft = ask.draft(&client, key).await?;
        match what {
            "to" => draft.transfer.to = Address::repeat_byte(7),
            "value" => draft.transfer.value /= alloy::primitives::U256::from(2),
            "signature" => draft.chain_id = 1,
            _ => draft.transfer.valid_before = alloy::primitives::U256::from(1),
        }
        let answer = ask.send(&client, Some(&encode(&draft.sign()))).await?;
        assert_eq!((answer.status, answer.code().as_str()), (402, code), "{what}: {answer:?}");
    }
    assert_eq!(shop.runs.total(), 0);
    liar.says(HONEST);
    let honest = encode(&ask.draft(&client, key).await?.sign());
    assert_eq!(ask.send(&client, Some(&honest)).await?.status, 200);
    Ok(())
}
