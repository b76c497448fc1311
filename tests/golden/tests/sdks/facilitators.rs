//! What servers and facilitators say to each other: requests, verdicts, settlements, and what is supported.

use crate::bed::{FAMILIES, each, json_of, read_alike, version, with_text};
use crate::views::{network, plain, said, understood};
use serde_json::json;
use tollway_core::Json;
use tollway_core::wire::{
    FacilitatorRequest, SupportedKind, SupportedResponse, VerifyResponse, read_facilitator_request,
    write_facilitator_request,
};
use tollway_golden::Item;
use tollway_http::codec;

fn request(item: &Item) -> FacilitatorRequest {
    read_facilitator_request(&json_of(item), FAMILIES).unwrap_or_else(|e| panic!("{}: {e}", item.id))
}

#[test]
fn requests_are_read_as_their_authors_read_them() {
    for (corpus, item) in each("request", 110) {
        let (what, ours, theirs) = (corpus.name(item), request(item).order, plain(&item.read));
        let payment = &theirs["paymentPayload"];
        assert_eq!(ours.requirement.version, version(item), "{what}");
        assert_eq!(understood(&ours.requirement), said(&theirs["paymentRequirements"]), "{what}");
        assert_eq!(ours.payment.payload.value(), payment["payload"], "{what}");
        assert_eq!(ours.payment.accepted.version, version(item), "{what}");
        match item.version {
            1 => assert_eq!(json!(network(&ours.payment.accepted)), payment["network"], "{what}"),
            _ => assert_eq!(understood(&ours.payment.accepted), said(&payment["accepted"]), "{what}"),
        }
        assert_eq!(ours.payment.extensions.map(|e| e.value()), payment.get("extensions").cloned(), "{what}");
    }
}

#[test]
fn requests_written_again_are_read_alike_by_both_sdks() {
    let again = each("request", 110).into_iter().map(|(corpus, item)| {
        let ours = write_facilitator_request(&request(item).order, FAMILIES).unwrap();
        (corpus, item, with_text(item, &ours))
    });
    read_alike(&again.collect::<Vec<_>>(), |value| value.clone());
}

#[test]
fn verdicts_are_read_and_written_alike() {
    let again = each("verify", 50).into_iter().map(|(corpus, item)| {
        let ours: VerifyResponse = json_of(item).read().unwrap();
        assert_eq!(plain(&json!(ours)), plain(&item.read), "{}", corpus.name(item));
        (corpus, item, with_text(item, &Json::of(&ours)))
    });
    read_alike(&again.collect::<Vec<_>>(), |value| value.clone());
}

#[test]
fn settlements_are_read_and_written_alike() {
    let again = each("settle", 55).into_iter().map(|(corpus, item)| {
        let ours = codec::settle_response(&json_of(item)).unwrap();
        assert_eq!(plain(&json!(ours)), plain(&item.read), "{}", corpus.name(item));
        (corpus, item, with_text(item, &Json::of(&ours)))
    });
    read_alike(&again.collect::<Vec<_>>(), |value| value.clone());
}

#[test]
fn what_is_supported_is_read_and_written_alike() {
    let again = each("supported", 2).into_iter().map(|(corpus, item)| {
        let what = corpus.name(item);
        let mut ours: SupportedResponse = json_of(item).read().unwrap();
        assert_eq!(plain(&json!(ours)), plain(&item.read), "{what}");
        assert!(ours.kinds.len() >= 40, "{what}");
        for kind in &mut ours.kinds {
            // Through the model, in which the versions' names for chains are one.
            let known = kind.kind(FAMILIES, &[]).unwrap_or_else(|| panic!("{what}: {kind:?}"));
            *kind = SupportedKind::of(&known, FAMILIES).unwrap();
        }
        (corpus, item, with_text(item, &Json::of(&ours)))
    });
    read_alike(&again.collect::<Vec<_>>(), |value| value.clone());
}
