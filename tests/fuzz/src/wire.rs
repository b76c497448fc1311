use crate::naive::{self, DEPTH_MAX, Members};
use serde_json::Value;
use tollway_core::wire::{
    find_offer, parse_challenge, parse_payment, read_challenge, read_network, read_payment, read_requirement,
    write_challenge, write_payment, write_requirement,
};
use tollway_core::{Challenge, Code, Entry, Json, Offer, Payment, Requirement, Version};
use tollway_evm::FAMILY;

const AMOUNTS_V1: [&str; 2] = ["maxAmountRequired", "amount"];
const AMOUNTS_V2: [&str; 2] = ["amount", "maxAmountRequired"];

/// A v1 402, and after `--` a payment for it.
pub fn wire_v1(data: &[u8]) {
    both(data, Version::V1);
}

/// A v2 402, and after `--` a payment for it.
pub fn wire_v2(data: &[u8]) {
    both(data, Version::V2);
}

fn both(data: &[u8], version: Version) {
    let Some(parts) = crate::parts(data) else { return };
    let Some((first, rest)) = parts.split_first() else { return };
    if parts.iter().any(|part| naive::depth(part.as_bytes()) > DEPTH_MAX) {
        return;
    }
    let Some(challenge) = challenge(first) else { return };
    if challenge.version != version {
        return;
    }
    let offers = offers(&challenge);
    for offer in &offers {
        echoed(&offer.requirement, &offers);
    }
    if let Some(text) = rest.first() {
        payment(text, &offers, version);
    }
}

/// Reads a 402 every way there is.
fn challenge(text: &str) -> Option<Challenge> {
    let parsed = parse_challenge(text, &[FAMILY]);
    let read = Json::parse(text).and_then(|json| read_challenge(&json, &[FAMILY]));
    assert_eq!(parsed.as_ref().map_err(|e| &e.code), read.as_ref().map_err(|e| &e.code));
    let challenge = parsed.ok()?;
    assert!(text.trim_ascii_start().starts_with('{'), "a challenge is an object");
    // A number that no value can hold, in a field that nobody reads, is all that can be wrong with it now.
    let members = Members::of(text)?;
    assert_eq!(members.get("x402Version").and_then(Value::as_u64), Some(u8::from(challenge.version).into()));
    let listed = members.get("accepts").and_then(Value::as_array);
    assert_eq!(challenge.accepts.len(), listed.map_or(0, Vec::len));
    for (entry, listed) in challenge.accepts.iter().zip(listed.into_iter().flatten()) {
        assert_eq!(&entry.raw.value(), listed);
        alone(entry, challenge.version);
    }
    assert_eq!(challenge.error, members.str("error").map(Code::from_wire));
    for (kept, key) in [(&challenge.resource, "resource"), (&challenge.extensions, "extensions")] {
        assert_eq!(kept.as_ref().map(Json::value).as_ref(), members.get(key));
    }
    written(&challenge);
    Some(challenge)
}

/// An entry on its own is what it was among the others.
fn alone(entry: &Entry, version: Version) {
    let alone = read_requirement(&Json::parse(entry.raw.as_str()).expect("JSON"), version, &[FAMILY]);
    assert_eq!(alone.as_ref().map_err(|e| &e.code), entry.requirement.as_ref().map_err(|e| &e.code));
    let amounts = if version == Version::V1 { AMOUNTS_V1 } else { AMOUNTS_V2 };
    let members = Members::of(entry.raw.as_str());
    if let Some(members) = &members
        && naive::is_plain(members, amounts[0], &["eip155:8453", "eip155:84532"])
    {
        assert!(entry.requirement.is_ok(), "{:?}: {}", entry.requirement, entry.raw.as_str());
    }
    let Ok(r) = &entry.requirement else { return };
    assert_eq!(r.version, version);
    assert_eq!(r.raw.as_str(), entry.raw.as_str());
    naive::same_as_json(r, &members.expect("an entry is an object"), amounts);
    spelled(r);
}

/// What is written from the fields means the same.
fn spelled(r: &Requirement) {
    let written = match write_requirement(r, "https://api.example/", &[FAMILY]) {
        Ok(written) => written,
        Err(e) => {
            assert_eq!((r.version, e.code), (Version::V1, Code::InvalidNetwork));
            assert!(tollway_core::wire::v1_name(&r.chain, &[FAMILY]).is_none());
            return;
        }
    };
    let again = read_requirement(&written, r.version, &[FAMILY]).expect("what was written is read");
    let same = Requirement { extra: r.extra.clone(), raw: r.raw.clone(), ..again.clone() };
    assert_eq!(&same, r);
    assert_eq!(again.extra.map(), r.extra.map());
    let twice = write_requirement(&again, "https://api.example/", &[FAMILY]).expect("writable");
    assert_eq!(twice.as_str(), written.as_str());
}

fn written(challenge: &Challenge) {
    let out = write_challenge(challenge);
    let again = parse_challenge(out.as_str(), &[FAMILY]).expect("what was written is read");
    assert_eq!(again.accepts, challenge.accepts);
    assert_eq!((again.version, &again.error), (challenge.version, &challenge.error));
    if challenge.version == Version::V2 {
        let full = |json: &Option<Json>| json.clone().filter(|json| !json.is_empty());
        assert_eq!(full(&again.resource), full(&challenge.resource));
        assert_eq!(full(&again.extensions), full(&challenge.extensions));
    }
    for (a, b) in again.accepts.iter().zip(&challenge.accepts) {
        // RawValue drops the space around a value, and nothing within.
        assert_eq!(a.raw.as_str(), b.raw.as_str().trim_ascii());
    }
}

fn offers(challenge: &Challenge) -> Vec<Offer> {
    let offer = |(_, r): (usize, &Requirement)| Offer {
        requirement: r.clone(),
        bound_to: None,
        volatile: vec!["feePayer".to_owned()],
    };
    challenge.requirements().map(offer).collect()
}

/// A payment for an offer, echoed byte for byte, is for that offer or for one that says the same before it.
fn echoed(chosen: &Requirement, offers: &[Offer]) {
    let payload = Json::parse(r#"{"signature":"0x00"}"#).expect("JSON");
    let payment = Payment { accepted: chosen.clone(), payload, extensions: None, resource: None };
    let Ok(out) = write_payment(&payment, &[FAMILY]) else { return };
    let (at, read) = parse_payment(out.as_str(), offers, &[FAMILY]).expect("an offer that stands");
    let found = &offers[at].requirement;
    match chosen.version {
        Version::V1 => assert_eq!((found.scheme, found.chain), (chosen.scheme, chosen.chain)),
        _ => {
            assert_eq!(read.accepted.raw.as_str(), chosen.raw.as_str());
            equal(&read.accepted, &offers[at]);
        }
    }
    assert_eq!(read.payload.as_str(), payment.payload.as_str());
}

/// The six fields by which v2 chooses, and an `extra` that holds the offer's.
fn equal(accepted: &Requirement, offer: &Offer) {
    let want = &offer.requirement;
    assert_eq!(
        (want.scheme, want.chain, want.price, want.pay_to, want.timeout_s, want.method, want.flow),
        (
            accepted.scheme,
            accepted.chain,
            accepted.price,
            accepted.pay_to,
            accepted.timeout_s,
            accepted.method,
            accepted.flow
        )
    );
    let theirs = accepted.extra.map();
    let lacks = want.extra.map().into_iter().find(|(k, v)| k != "feePayer" && theirs.get(k) != Some(v));
    assert!(lacks.is_none(), "{lacks:?} is missing in what was accepted");
}

/// Any payment at all, read at once and in two steps, written and read again.
fn payment(text: &str, offers: &[Offer], version: Version) {
    let parsed = parse_payment(text, offers, &[FAMILY]);
    let steps = Json::parse(text).and_then(|json| read_payment(&json, offers, &[FAMILY]));
    assert_eq!(parsed.as_ref().map_err(|e| &e.code), steps.as_ref().map_err(|e| &e.code));
    let Ok((at, payment)) = parsed else { return };
    assert!(at < offers.len());
    assert!(text.trim_ascii_start().starts_with('{'), "a payment is an object");
    let Some(members) = Members::of(text) else { return };
    assert_eq!(
        Some(&payment.payload.value()),
        members.0.iter().find(|(k, _)| k == "payload").map(|(_, v)| v)
    );
    if payment.accepted.version == Version::V2 {
        assert_eq!(Some(&payment.accepted.raw.value()), members.get("accepted"));
        equal(&payment.accepted, &offers[at]);
        let slow = read_requirement(&payment.accepted.raw, Version::V2, &[FAMILY]).expect("it was read");
        assert_eq!(slow, payment.accepted);
        let first = find_offer(&slow, offers).expect("an offer");
        assert!(first <= at, "an offer of the same words is found by its words or by its bytes");
    } else {
        let network = members.str("network").expect("v1 chooses by name");
        assert_eq!(members.str("scheme"), Some(offers[at].requirement.scheme.as_str()));
        assert_eq!(read_network(network, &[FAMILY]), Ok(offers[at].requirement.chain));
    }
    if payment.accepted.version != version {
        return;
    }
    let again = write_payment(&payment, &[FAMILY]).expect("writable");
    let (place, read) = parse_payment(again.as_str(), offers, &[FAMILY]).expect("what was written is read");
    assert_eq!((place, &read.accepted), (at, &payment.accepted));
    assert_eq!(read.payload, payment.payload);
}
