//! When two readings are the same: `null`, absent and, where x402 says so, `{}` alike; reason codes by meaning.

use crate::bed::FAMILIES;
use serde_json::{Map, Value, json};
use tollway_core::wire::{read_network, v1_name};
use tollway_core::{Code, Requirement, Version};
use tollway_evm::FAMILY;

/// Parts that have optional fields of their own. Whatever else there is (`payload`, `extra`, the inside of
/// `extensions`) belongs to somebody else, and must stay as it is.
const PARTS: [&str; 6] =
    ["resource", "accepted", "accepts", "kinds", "paymentPayload", "paymentRequirements"];
const REASONS: [&str; 3] = ["error", "invalidReason", "errorReason"];

/// A reading without what means nothing.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, value)| !is_nothing(key, value));
            kept.map(|(key, value)| (key.clone(), field(key, value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn is_nothing(key: &str, value: &Value) -> bool {
    value.is_null() || (matches!(key, "extra" | "extensions") && *value == json!({}))
}

fn field(key: &str, value: &Value) -> Value {
    match value.as_str() {
        Some(word) if REASONS.contains(&key) => Code::from_wire(word).as_str().into(),
        _ if PARTS.contains(&key) => plain(value),
        _ => value.clone(),
    }
}

/// What an entry says, whichever version and spelling: as an SDK read it.
pub(crate) fn said(entry: &Value) -> Value {
    let text = |key: &str| entry[key].as_str().unwrap();
    let amount = entry.get("amount").or_else(|| entry.get("maxAmountRequired")).unwrap();
    json!({
        "scheme": text("scheme"),
        "network": read_network(text("network"), FAMILIES).unwrap().as_str(),
        "amount": amount,
        "asset": (FAMILY.address)(text("asset")).unwrap().as_str(),
        "payTo": (FAMILY.address)(text("payTo")).unwrap().as_str(),
        "maxTimeoutSeconds": entry["maxTimeoutSeconds"].as_u64().unwrap(),
        "extra": extra(entry.get("extra")),
    })
}

/// What an entry says, as Tollway read it.
pub(crate) fn understood(r: &Requirement) -> Value {
    json!({
        "scheme": r.scheme.as_str(),
        "network": r.chain.as_str(),
        "amount": r.price.atomic().to_string(),
        "asset": r.price.asset().key(),
        "payTo": r.pay_to.address(),
        "maxTimeoutSeconds": r.timeout_s,
        "extra": extra(Some(&r.extra.0.value())),
    })
}

fn extra(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => json!({}),
        Some(value) => value.clone(),
    }
}

/// The reading of a whole with its entries in one spelling, for what is written from fields and not echoed.
pub(crate) fn respelled(value: &Value) -> Value {
    let mut value = value.clone();
    for entry in value["accepts"].as_array_mut().into_iter().flatten() {
        if read_network(entry["network"].as_str().unwrap(), FAMILIES).is_ok_and(|c| c.namespace() == "eip155")
        {
            *entry = said(entry);
        }
    }
    value
}

/// The name of a chain on a version's wire.
pub(crate) fn network(r: &Requirement) -> &str {
    match r.version {
        Version::V1 => v1_name(&r.chain, FAMILIES).unwrap(),
        _ => r.chain.as_str(),
    }
}
