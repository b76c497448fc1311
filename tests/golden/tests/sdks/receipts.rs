//! Receipt headers, of settlements that went well and that did not.

use crate::bed::{each, headers, read_alike, version, with_header};
use crate::views::plain;
use http::HeaderMap;
use serde_json::json;
use tollway_core::wire::header;
use tollway_golden::Item;
use tollway_http::codec::{self, Limits};

fn written(item: &Item) -> Item {
    let (version, receipt) = codec::read_receipt(&headers(item), &Limits::default()).unwrap().unwrap();
    let mut headers = HeaderMap::new();
    codec::write_receipt(&mut headers, version, &receipt).unwrap();
    let name = header::receipt(version);
    with_header(item, &name.to_ascii_uppercase(), &headers[name])
}

#[test]
fn are_read_as_their_authors_read_them() {
    for (corpus, item) in each("receipt", 50) {
        let (spoken, ours) = codec::read_receipt(&headers(item), &Limits::default()).unwrap().unwrap();
        assert_eq!(spoken, version(item), "{}", corpus.name(item));
        assert_eq!(plain(&json!(ours)), plain(&item.read), "{}", corpus.name(item));
    }
}

#[test]
fn written_again_are_read_alike_by_both_sdks() {
    let again = each("receipt", 50).into_iter().map(|(corpus, item)| (corpus, item, written(item)));
    read_alike(&again.collect::<Vec<_>>(), |value| value.clone());
}

/// Every outcome that the facilitators were led into is among them.
#[test]
fn tell_of_good_days_and_bad_ones() {
    let receipts = each("receipt", 50);
    for corpus in ["reference", "python"] {
        let mut reasons: Vec<_> = receipts
            .iter()
            .filter(|(found, _)| found.sdk.name == corpus)
            .map(|(_, item)| {
                plain(&item.read).get("errorReason").map_or("none".to_owned(), |r| r.to_string())
            })
            .collect();
        reasons.sort();
        reasons.dedup();
        assert!(reasons.len() >= 7, "{corpus}: {reasons:?}");
    }
}
