use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tollway_core::{Order, Print};

/// The fingerprint of a payload and of what it is to fulfil. The same again is the same settlement; the same payload
/// for something else is a replay.
///
/// What it is paid for takes part: two shops with one payee, each with a ledger of its own, must not both serve for one
/// authorization. A payer can name any resource, so a paywall says its own.
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
    text(&mut hash, &resource(order));
    value(&mut hash, order.payment.payload.as_str());
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Print(hex)
}

/// The URL of what is paid for: v2 has it beside the payload, v1 in the requirements. Empty where nobody says.
fn resource(order: &Order) -> String {
    #[derive(serde::Deserialize)]
    struct V2 {
        url: String,
    }
    #[derive(serde::Deserialize)]
    struct V1 {
        resource: String,
    }
    let v2 = order.payment.resource.as_ref().and_then(|r| r.read::<V2>().ok()).map(|r| r.url);
    v2.or_else(|| order.requirement.raw.read::<V1>().ok().map(|r| r.resource)).unwrap_or_default()
}

/// Every part carries its length, so that no two lists of parts run together into the same bytes.
fn text(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_string());
    hash.update(":");
    hash.update(text);
}

/// Canonical whatever the order of keys and the spelling of strings; recursion is bounded by the depth that was read.
///
/// No two different payloads may become one print, or one settlement's receipt would serve for both. So numbers count as
/// they are written, and what cannot be taken apart (half a surrogate pair in a string) counts as its text.
fn value(hash: &mut Sha256, json: &str) {
    let json = json.trim_ascii();
    if let Ok(pairs) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
        hash.update(format!("{{{}", pairs.len()));
        for (key, part) in pairs {
            text(hash, &key);
            value(hash, part.get());
        }
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
        hash.update(format!("[{}", items.len()));
        items.iter().for_each(|part| value(hash, part.get()));
    } else if let Ok(word) = serde_json::from_str::<String>(json) {
        hash.update("s");
        text(hash, &word);
    } else {
        hash.update("=");
        text(hash, json);
    }
}
