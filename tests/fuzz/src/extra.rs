use crate::naive::{self, DEPTH_MAX, Members};
use serde_json::Value;
use tollway_core::{Code, Extra, Json, Requirement, Result, Version, wire};
use tollway_evm::FAMILY;

/// One `extra`, and after `--` another one.
pub fn extra(data: &[u8]) {
    let Some(parts) = crate::parts(data) else { return };
    if parts.iter().any(|part| naive::depth(part.as_bytes()) > DEPTH_MAX) {
        return;
    }
    let read: Vec<_> = parts.iter().take(2).filter_map(|text| one(text)).collect();
    if let [a, b] = read.as_slice() {
        two(a, b);
    }
}

fn one(text: &str) -> Option<Extra> {
    let json = Json::parse(text).ok()?;
    let value: Value = serde_json::from_str(text).ok()?;
    let extra = Extra(json);
    let nothing = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    assert_eq!(extra.is_empty(), nothing, "{text}");
    assert_eq!(
        Value::Object(extra.map()),
        value.as_object().cloned().map_or(Value::Object(<_>::default()), Value::Object)
    );
    assert!(extra.is_within(&extra, &[]));
    if integral(&value) {
        assert_eq!(extra, Extra(Json::of(&value)), "spelled anew it is the same");
    }
    for version in [Version::V1, Version::V2] {
        reserved(text, &value, &entry(text, version));
    }
    Some(extra)
}

/// True without fractions, whose last digit no reader keeps.
fn integral(value: &Value) -> bool {
    match value {
        Value::Array(all) => all.iter().all(integral),
        Value::Object(all) => all.values().all(integral),
        Value::Number(n) => !n.is_f64(),
        _ => true,
    }
}

/// A whole entry around it.
fn entry(extra: &str, version: Version) -> Result<Requirement> {
    let text = format!(
        r#"{{"scheme":"exact","network":"eip155:8453","amount":"1","asset":"0x{0:040}","payTo":"0x{0:040}","maxTimeoutSeconds":60,"extra":{extra}}}"#,
        1
    );
    wire::read_requirement(&Json::parse(text)?, version, &[FAMILY])
}

/// The two reserved keys, as the value tree has them.
fn reserved(text: &str, value: &Value, read: &Result<Requirement>) {
    let code = read.as_ref().map(|r| (r.method, r.flow)).map_err(|e| &e.code);
    let (object, members) = match (value, Members::of(text)) {
        (Value::Null, _) => (serde_json::Map::new(), Members(Vec::new())),
        (Value::Object(object), Some(members)) => (object.clone(), members),
        _ => {
            assert_eq!(code, Err(&Code::InvalidPaymentRequirements), "{text}");
            return;
        }
    };
    let keys = ["assetTransferMethod", "paymentFlow"];
    let word = |key: &str| object.get(key).filter(|v| !v.is_null());
    let of_other_type = keys.iter().any(|key| word(key).is_some_and(|v| !v.is_string()));
    if members.repeats(&keys) || of_other_type {
        assert_eq!(code, Err(&Code::InvalidPaymentRequirements), "{text}");
        return;
    }
    let (method, flow) = (word(keys[0]).and_then(Value::as_str), word(keys[1]).and_then(Value::as_str));
    let good = |m: &str| (1..=32).contains(&m.len()) && m.bytes().all(|b| b.is_ascii_graphic());
    if method.is_some_and(|m| !good(m)) {
        assert_eq!(code, Err(&Code::UnsupportedScheme), "{text}");
    } else if !matches!(flow, None | Some("authorization" | "upfront" | "escrow")) {
        assert_eq!(code, Err(&Code::UnsupportedFlow), "{text}");
    } else {
        let r = read.as_ref().expect(text);
        assert_eq!(r.method.as_ref().map(|m| m.as_str()), method);
        assert_eq!(r.flow.as_str(), flow.unwrap_or("authorization"));
        let kept = if value.is_null() { "{}" } else { text.trim_ascii() };
        assert_eq!(r.extra.0.as_str(), kept);
    }
}

fn two(a: &Extra, b: &Extra) {
    let (left, right) = (a.map(), b.map());
    let within = left.iter().all(|(k, v)| right.get(k) == Some(v));
    assert_eq!(a.is_within(b, &[]), within || a.0.as_str() == b.0.as_str());
    let keys: Vec<_> = left.keys().map(String::as_str).collect();
    assert!(a.is_within(b, &keys), "nothing but volatile keys is left");
    assert_eq!(a == b, a.0.value() == b.0.value());
    assert_eq!(b == a, a.0.value() == b.0.value());

    let merged = a.with(right.clone());
    assert!(b.is_within(&merged, &[]), "what is set is there");
    let others: Vec<_> = right.keys().map(String::as_str).collect();
    assert!(a.is_within(&merged, &others), "what is not set over stays");
    assert_eq!(
        merged.map().len(),
        left.keys().chain(right.keys()).collect::<std::collections::BTreeSet<_>>().len()
    );
    assert_eq!(merged.with(right), merged);
}
