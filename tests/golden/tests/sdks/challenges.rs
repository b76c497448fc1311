//! 402s: the v2 header, the v1 body.

use crate::bed::{FAMILIES, challenge, each, json_of, read_alike, version, with_header, with_text};
use crate::views::{plain, respelled, said, understood};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use tollway_core::wire::{self, header, write_requirement};
use tollway_core::{Challenge, Entry, Json};
use tollway_golden::Item;
use tollway_http::codec;

#[test]
fn are_read_as_their_authors_read_them() {
    for (corpus, item) in each("challenge", 60) {
        let what = corpus.name(item);
        let (ours, theirs) = (challenge(item), plain(&item.read));
        assert_eq!(ours.version, version(item), "{what}");
        let accepts = theirs["accepts"].as_array().unwrap();
        assert_eq!(ours.accepts.len(), accepts.len(), "{what}");
        for (entry, theirs) in ours.accepts.iter().zip(accepts) {
            let foreign = theirs["network"].as_str().unwrap().starts_with("solana:");
            match &entry.requirement {
                Ok(r) => assert_eq!(understood(r), said(theirs), "{what}"),
                Err(e) => assert!(foreign, "{what}: {e}"),
            }
        }
        let error = ours.error.as_ref().map(|code| code.as_str());
        assert_eq!(error, theirs.get("error").and_then(|word| word.as_str()), "{what}");
        let value = |json: &Option<Json>| json.as_ref().map(|json| plain(&json.value()));
        if let Some(resource) = value(&ours.resource) {
            // The SDKs drop what they do not know; we keep it.
            let known = theirs["resource"].as_object().unwrap();
            assert!(known.iter().all(|(key, value)| resource[key] == *value), "{what}");
        }
        assert_eq!(ours.extensions.as_ref().map(Json::value), theirs.get("extensions").cloned(), "{what}");
    }
}

#[test]
fn speak_of_every_network_that_the_sdks_know() {
    let of = |name: &str, version: u8| -> BTreeSet<String> {
        let items =
            each("challenge", 60).into_iter().filter(|(c, i)| c.sdk.name == name && i.version == version);
        let entries = items.flat_map(|(_, item)| challenge(item).accepts);
        entries.filter_map(|entry| Some(entry.requirement.ok()?.chain.as_str().to_owned())).collect()
    };
    for name in ["reference", "python"] {
        assert!(of(name, 2).len() >= 20, "{name}: {:?}", of(name, 2));
        assert!(of(name, 1).len() >= 20, "{name}: {:?}", of(name, 1));
    }
}

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    accepts: Vec<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
}

/// Entries, `resource` and `extensions` come back from clients, so each is kept as it stands in the text.
#[test]
fn are_kept_to_the_byte() {
    for (corpus, item) in each("challenge", 60) {
        let (what, text, ours) = (corpus.name(item), json_of(item), challenge(item));
        let parts: Parts<'_> = serde_json::from_str(text.as_str()).unwrap();
        let raw: Vec<_> = ours.accepts.iter().map(|entry| entry.raw.as_str()).collect();
        assert_eq!(raw, parts.accepts.iter().map(|part| part.get()).collect::<Vec<_>>(), "{what}");
        for (ours, theirs) in [(&ours.resource, parts.resource), (&ours.extensions, parts.extensions)] {
            let theirs = theirs.map(RawValue::get).filter(|text| *text != "null");
            assert_eq!(ours.as_ref().map(Json::as_str), theirs, "{what}");
        }
    }
}

#[test]
fn written_again_are_read_alike_by_both_sdks() {
    let again: Vec<_> = each("challenge", 60)
        .into_iter()
        .map(|(corpus, item)| (corpus, item, written(item, &challenge(item))))
        .collect();
    read_alike(&again, |value| value.clone());
}

/// The same with each entry written from its fields, as a seller writes its own.
#[test]
fn written_from_their_fields_are_read_alike_by_both_sdks() {
    let again = each("challenge", 60).into_iter().map(|(corpus, item)| {
        let mut ours = challenge(item);
        for entry in &mut ours.accepts {
            let Ok(r) = &entry.requirement else { continue };
            let url = "https://api.example/weather?city=Z%C3%BCrich";
            let raw = write_requirement(r, url, FAMILIES).unwrap();
            *entry = Entry { requirement: wire::read_requirement(&raw, r.version, FAMILIES), raw };
        }
        (corpus, item, written(item, &ours))
    });
    read_alike(&again.collect::<Vec<_>>(), respelled);
}

fn written(item: &Item, challenge: &Challenge) -> Item {
    let mut headers = HeaderMap::new();
    let body = codec::write_challenge(&mut headers, challenge).unwrap();
    match headers.get(header::PAYMENT_REQUIRED) {
        Some(value) => with_header(item, "PAYMENT-REQUIRED", value),
        None => with_text(item, &body),
    }
}
