//! How often the hot path asks the allocator, counted: free of noise, so it is asserted exactly.

#[path = "common/wire.rs"]
mod wire;

use http::{HeaderMap, HeaderValue};
use tollway_http::codec::{self, Limits};
use wire::FAMILY;

fn count(accepted: &str) -> u64 {
    let offers = wire::offers();
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(&wire::base64(&wire::payment(accepted))).unwrap();
    headers.insert("payment-signature", value);
    let counted = allocation_counter::measure(|| {
        let found = codec::read_payment(&headers, &offers, &[FAMILY], &Limits::DEFAULT);
        assert_eq!(found.unwrap().unwrap().0, 8);
    });
    counted.count_total
}

#[test]
fn decode_and_match_allocate_the_text_and_the_parsers_stack() {
    // serde_json keeps the brackets that it skips over in a vector of its own, one per text that it parses.
    assert_eq!(count(&wire::accept(8453, 10_000)), 2);
    assert_eq!(count(&wire::accept_reordered(8453, 10_000)), 2);
}
