//! Solana: what surfpool answers differently from a real node, put right.
//!
//! | call | surfpool | here |
//! |---|---|---|
//! | `getGenesisHash` | another at each start | that of mainnet |
//! | batches | refused | served |
//! | `getRecentPrioritizationFees` | whatever it saw | 150 slots, at the level that was set |
//! | `getFeeForMessage`, `meta.fee` | without the priority fee | with it |
//! | `blockTime` of transactions and blocks | too small by a thousand | the slot's time |
//! | `getSignaturesForAddress` with `minContextSlot` | lines from that slot on | all lines |
//! | `isBlockhashValid` | a slot that is behind | the slot |
//! | `sendTransaction` of one that it has already | an error of its own | the signature without preflight, else the real error |
//! | `sendTransaction` with a bad signature | an error of its own | the real error |

mod fees;
mod sends;
mod wire;

use bytes::Bytes;
use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use super::call::{self, Call};
use super::gate::{Gate, Manner, Reply, broken};
use crate::error::Result;
use crate::rpc::Node;

pub(crate) use fees::Market;

/// What Solana's proxy knows besides counting and breaking.
#[derive(Debug)]
pub(crate) struct Solana {
    genesis_hash: &'static str,
    pub(crate) market: Market,
}

impl Gate<Solana> {
    pub(crate) fn solana(name: &'static str, genesis_hash: &'static str, level: u64, node: Node) -> Self {
        Self::with(name, node, Solana { genesis_hash, market: Market::new(level) })
    }

    /// The result as a real node would give it; `None` leaves it as it is.
    async fn correct(&self, call: &Call<'_>, result: &str) -> Result<Option<Value>> {
        let Ok(mut value) = serde_json::from_str::<Value>(result) else { return Ok(None) };
        match &*call.method {
            "getRecentPrioritizationFees" => {
                let accounts = call.param(0).and_then(|param| param.as_array().cloned()).unwrap_or_default();
                if accounts.is_empty() {
                    // To surfpool, a list of no accounts is traffic that concerns none.
                    value = self.node.call_here("getRecentPrioritizationFees", json!([])).await?;
                }
                let slot = slot(&self.node).await?;
                value = self.manner.market.recent(slot, &accounts, &value);
            }
            "isBlockhashValid" => value["context"]["slot"] = json!(slot(&self.node).await?),
            "getFeeForMessage" => {
                let message =
                    call.param(0).and_then(|message| wire::decode(message.as_str()?, Some("base64")));
                let priority = message.and_then(|message| wire::priority_of_message(&message));
                raise(&mut value["value"], priority);
            }
            "getTransaction" if !value.is_null() => transaction(&self.node, call, &mut value).await?,
            "getBlock" if !value.is_null() => block(&self.node, call, &mut value).await?,
            _ => return Ok(None),
        }
        Ok(Some(value))
    }
}

impl Manner for Solana {
    async fn serve(gate: &Gate<Self>, call: &Call<'_>, body: Bytes) -> Reply {
        if call.method == "getGenesisHash" {
            let hash = Value::from(gate.manner.genesis_hash).to_string();
            return Reply::Answer(StatusCode::OK, call.answer(&hash));
        }
        let body = if call.method == "getSignaturesForAddress" { without_min_slot(body) } else { body };
        let reply = gate.pass(body).await;
        let Reply::Answer(StatusCode::OK, answer) = reply else { return reply };
        if call.method == "sendTransaction" {
            return Reply::Answer(StatusCode::OK, sends::correct(call, answer));
        }
        let Some(result) = concerns(&call.method).then(|| call::raw_result(&answer)).flatten() else {
            return Reply::Answer(StatusCode::OK, answer);
        };
        match gate.correct(call, result).await {
            Ok(Some(corrected)) => Reply::Answer(StatusCode::OK, call.answer(&corrected.to_string())),
            Ok(None) => Reply::Answer(StatusCode::OK, answer),
            Err(error) => broken(&error.to_string()),
        }
    }

    /// The node takes no batches at all.
    fn special(&self, _method: &str) -> bool {
        true
    }

    fn spoiled(&self, _answer: &[u8]) -> bool {
        false
    }

    fn taken(call: &Call<'_>) -> Option<String> {
        let sent = (call.method == "sendTransaction").then(|| sends::name(call))??;
        Some(Value::from(sent).to_string())
    }

    fn subscribes(method: &str) -> bool {
        method.ends_with("Subscribe") || method.ends_with("Unsubscribe")
    }

    fn pushes(method: &str) -> bool {
        method.ends_with("Notification")
    }
}

fn concerns(method: &str) -> bool {
    matches!(
        method,
        "getRecentPrioritizationFees"
            | "isBlockhashValid"
            | "getFeeForMessage"
            | "getTransaction"
            | "getBlock"
    )
}

/// A real node only refuses to answer when it is behind `minContextSlot`; this one node never is.
fn without_min_slot(body: Bytes) -> Bytes {
    let Ok(mut request) = serde_json::from_slice::<Value>(&body) else { return body };
    let Some(config) = request["params"].get_mut(1).and_then(Value::as_object_mut) else { return body };
    config.remove("minContextSlot");
    request.to_string().into()
}

async fn slot(node: &Node) -> Result<u64> {
    let slot = node.call_here("getSlot", json!([{"commitment": "processed"}])).await?;
    Ok(slot.as_u64().unwrap_or_default())
}

/// Adds to a fee, if there is one.
fn raise(fee: &mut Value, by: Option<u64>) {
    if let (Some(fee_before), Some(by)) = (fee.as_u64(), by) {
        *fee = json!(fee_before.saturating_add(by));
    }
}

/// The time of a slot in Unix seconds, or null.
async fn time_of(node: &Node, slot: &Value) -> Result<Value> {
    node.call_here("getBlockTime", json!([slot])).await
}

/// What a transaction in base64 pays for its place.
fn priority(transaction: &Value) -> Option<u64> {
    wire::priority_of_transaction(&wire::decode(transaction[0].as_str()?, Some("base64"))?)
}

async fn transaction(node: &Node, call: &Call<'_>, value: &mut Value) -> Result<()> {
    let plain = plainly(node, call.param(0).unwrap_or_default()).await;
    raise(&mut value["meta"]["fee"], priority(&plain));
    value["blockTime"] = time_of(node, &value["slot"]).await?;
    Ok(())
}

async fn block(node: &Node, call: &Call<'_>, value: &mut Value) -> Result<()> {
    value["blockTime"] = time_of(node, &call.param(0).unwrap_or_default()).await?;
    let Some(found) = value["transactions"].as_array_mut() else { return Ok(()) };
    let names = found.iter().map(|entry| entry["transaction"]["signatures"][0].clone());
    let plain = match found.iter().all(|entry| entry["transaction"].is_array()) {
        true => found.iter().map(|entry| entry["transaction"].clone()).collect(),
        false => join_all(names.map(|name| plainly(node, name))).await,
    };
    for (entry, plain) in found.iter_mut().zip(plain) {
        raise(&mut entry["meta"]["fee"], priority(&plain));
    }
    Ok(())
}

/// A transaction in base64, by its first signature.
async fn plainly(node: &Node, name: Value) -> Value {
    let config =
        json!({"encoding": "base64", "maxSupportedTransactionVersion": 0, "commitment": "confirmed"});
    let mut found = node.call_here("getTransaction", json!([name, config])).await.unwrap_or_default();
    found["transaction"].take()
}
