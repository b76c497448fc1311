//! The seeds are what their names say: a seed that is refused at the door would lead a fuzzer nowhere.

use std::path::Path;
use tollway_core::wire::{
    SettleResponse, SupportedResponse, VerifyResponse, parse_challenge, parse_payment,
    read_facilitator_request,
};
use tollway_core::{Challenge, Code, Json, Offer, Version};
use tollway_evm::FAMILY;
use tollway_http::codec;

fn bytes(seed: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(seed)).expect(seed)
}

fn text(seed: &str) -> String {
    String::from_utf8(bytes(seed)).expect(seed)
}

fn challenge(seed: &str) -> (Challenge, Option<String>) {
    let text = text(seed);
    let (first, second) = text.split_once("\n--\n").map_or((&*text, None), |(a, b)| (a, Some(b.to_owned())));
    (parse_challenge(first, &[FAMILY]).expect(seed), second)
}

fn offers(challenge: &Challenge) -> Vec<Offer> {
    let offer = |(_, r): (usize, &tollway_core::Requirement)| Offer {
        requirement: r.clone(),
        bound_to: None,
        volatile: Vec::new(),
    };
    challenge.requirements().map(offer).collect()
}

#[test]
fn challenges_have_so_many_entries_and_so_many_good_ones() {
    for (seed, version, entries, good) in [
        ("wire_v2/one", Version::V2, 1, 1),
        ("wire_v2/two-chains-and-an-echo", Version::V2, 2, 2),
        ("wire_v2/broken-entries-between-good-ones", Version::V2, 7, 2),
        ("wire_v2/nothing-accepted", Version::V2, 0, 0),
        ("wire_v2/upfront-by-permit2", Version::V2, 1, 1),
        ("wire_v2/escaped-keys", Version::V2, 2, 2),
        ("wire_v2/v1-words-in-v2", Version::V2, 1, 1),
        ("wire_v1/one", Version::V1, 1, 1),
        ("wire_v1/two-and-a-payment", Version::V1, 2, 2),
        ("wire_v1/unknown-names", Version::V1, 3, 2),
        ("wire_v1/schemas-and-nulls", Version::V1, 1, 1),
        ("wire_v1/v2-words-in-v1", Version::V1, 1, 1),
        ("candidates/both-chains", Version::V2, 2, 2),
        ("candidates/twins-and-strangers", Version::V2, 7, 7),
        ("candidates/v1", Version::V1, 2, 2),
    ] {
        let (challenge, _) = challenge(seed);
        let found = (challenge.version, challenge.accepts.len(), challenge.requirements().count());
        assert_eq!(found, (version, entries, good), "{seed}");
    }
}

#[test]
fn payments_choose_the_offer_that_they_name() {
    for (seed, at) in [
        ("wire_v2/two-chains-and-an-echo", 1),
        ("wire_v2/reordered-by-the-client", 0),
        ("wire_v1/two-and-a-payment", 1),
    ] {
        let (challenge, payment) = challenge(seed);
        let found = parse_payment(payment.expect(seed), &offers(&challenge), &[FAMILY]).expect(seed);
        assert_eq!(found.0, at, "{seed}");
    }
}

#[test]
fn bodies_of_facilitators_are_read() {
    let request = |seed: &str| read_facilitator_request(&Json::parse(text(seed)).expect(seed), &[FAMILY]);
    assert!(request("facilitator/v1-request").is_ok() && request("facilitator/v2-request").is_ok());
    assert_eq!(request("facilitator/versions-disagree").unwrap_err().code, Code::InvalidX402Version);
    assert_eq!(request("facilitator/paid-elsewhere").unwrap_err().code, Code::InvalidNetwork);
    let json = |seed: &str| Json::parse(text(seed)).expect(seed);
    assert!(json("facilitator/valid").read::<VerifyResponse>().unwrap().is_valid);
    assert!(!json("facilitator/invalid").read::<VerifyResponse>().unwrap().is_valid);
    let supported: SupportedResponse = json("facilitator/supported").read().unwrap();
    assert_eq!(supported.kinds.iter().filter(|kind| kind.kind(&[FAMILY], &[]).is_some()).count(), 2);
}

#[test]
fn receipts_are_receipts() {
    let answer = |seed: &str| -> SettleResponse {
        codec::settle_response(&Json::parse(text(&format!("settlement_header/{seed}"))).unwrap()).expect(seed)
    };
    for (seed, success) in [("settled", true), ("v1-name", true), ("elsewhere", true), ("pending", false)] {
        assert_eq!(answer(seed).success, success, "{seed}");
    }
    assert_eq!(answer("snake-case").error_reason, Some(Code::InsufficientFunds));
}

#[test]
fn headers_are_judged_as_named() {
    let code = |seed: &str| {
        let data = bytes(&format!("header_codec/{seed}"));
        let [depth, size, text @ ..] = data.as_slice() else { panic!("{seed} is too short") };
        let (depth, size) = (usize::from(*depth % 64) + 1, usize::from(*size) * 64);
        codec::decode(text, size, depth).map(|_| ()).map_err(|e| e.code)
    };
    assert_eq!((code("payment"), code("unpadded")), (Ok(()), Ok(())));
    assert_eq!(code("url-safe"), Err(Code::InvalidHeader));
    assert_eq!(code("stray-bits"), Err(Code::InvalidHeader));
    assert_eq!(code("too-deep"), Err(Code::TooLarge));
}
