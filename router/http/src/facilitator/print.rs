use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use tollway_core::{Order, Print};

/// The fingerprint of a payload and of what it is to fulfil. The same again is the same settlement; the same payload
/// for something else is a replay.
///
/// Hints that rotate (`extra`, the timeout) take no part, and the payload counts by value: a server that reads and
/// writes its body anew before it repeats a call still finds its receipt.
pub(super) fn of(order: &Order) -> Print {
    let want = &order.requirement;
    let mut hash = Sha256::new();
    let amount = want.price.atomic().to_string();
    let asset = want.price.asset().to_string();
    let payee = want.pay_to.to_string();
    let method = want.method.as_ref().map_or("", tollway_core::Name::as_str);
    for part in [want.scheme.as_str(), method, want.flow.as_str(), &asset, &amount, &payee] {
        text(&mut hash, part);
    }
    value(&mut hash, &order.payment.payload.value());
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Print(hex)
}

/// Every part carries its length, so that no two lists of parts run together into the same bytes.
fn text(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_string());
    hash.update(":");
    hash.update(text);
}

/// Canonical whatever the order of keys; recursion is bounded by the depth that was read.
fn value(hash: &mut Sha256, v: &Value) {
    match v {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_unstable_by_key(|(key, _)| key.as_str());
            hash.update(format!("{{{}", pairs.len()));
            for (key, v) in pairs {
                text(hash, key);
                value(hash, v);
            }
        }
        Value::Array(items) => {
            hash.update(format!("[{}", items.len()));
            items.iter().for_each(|v| value(hash, v));
        }
        Value::String(s) => {
            hash.update("s");
            text(hash, s);
        }
        other => {
            hash.update("=");
            text(hash, &other.to_string());
        }
    }
}
