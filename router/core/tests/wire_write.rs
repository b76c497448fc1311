//! Strict out, and back again: what is written is bare, in the right spelling, and reads as it was.

mod common;

use common::{FAMILIES, V1, V2, assert_bare, json, offer, requirement};
use proptest::prelude::*;
use tollway_core::{
    Account, Amount, AssetId, Ceiling, ChainId, Challenge, Code, Entry, Error, Extra, Flow, Json, Name,
    Requirement, Version, wire,
};

/// Any requirement that can be written: v1 only on chains that v1 has a name for.
fn any_requirement() -> impl Strategy<Value = Requirement> {
    let chain = prop::sample::select(vec!["eip155:8453", "eip155:84532", "eip155:42161"]);
    let flow = prop::sample::select(vec![Flow::Authorization, Flow::Upfront, Flow::Escrow]);
    let method = prop::option::of("[a-z0-9-]{1,32}");
    let pairs = prop::collection::hash_map("[a-zA-Z\\PC]{1,8}", "\\PC{0,20}", 0..4);
    let fields = (any::<bool>(), chain, "[!-~]{1,32}", any::<u128>(), "[0-9a-f]{1,40}", "[0-9a-f]{1,40}");
    (fields, any::<u64>(), flow, method, pairs).prop_map(|(fields, timeout_s, flow, method, pairs)| {
        let (v1, chain, scheme, atomic, asset, pay_to) = fields;
        let chain = ChainId::new(chain).unwrap();
        let version = if v1 && chain.reference() != "42161" { Version::V1 } else { Version::V2 };
        let mut extra = Extra::default().with(
            pairs
                .into_iter()
                .filter(|(k, _)| k != "paymentFlow" && k != "assetTransferMethod")
                .map(|(k, v)| (k, v.into())),
        );
        if flow != Flow::Authorization {
            extra = extra.with([("paymentFlow".to_owned(), flow.as_str().into())]);
        }
        if let Some(method) = &method {
            extra = extra.with([("assetTransferMethod".to_owned(), method.as_str().into())]);
        }
        Requirement {
            version,
            scheme: Name::new(&scheme).unwrap(),
            method: method.map(|m| Name::new(&m).unwrap()),
            chain,
            price: Ceiling(Amount::new(AssetId::new(chain, &format!("0x{asset}")).unwrap(), atomic)),
            pay_to: Account::new(chain, &format!("0x{pay_to}")).unwrap(),
            timeout_s,
            flow,
            extra,
            raw: Json::empty(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_requirement_written_is_the_one_read(one in any_requirement()) {
        let text = wire::write_requirement(&one, "https://a.example", FAMILIES).unwrap();
        assert_bare(&text);
        let read = wire::read_requirement(&text, one.version, FAMILIES).unwrap();
        prop_assert_eq!(&read.raw, &text);
        prop_assert_eq!(&Requirement { raw: one.raw.clone(), ..read.clone() }, &one);
        // And through a whole challenge, a payment, and the journal.
        let entry = Entry { raw: text.clone(), requirement: Ok(read.clone()) };
        let challenge = Challenge {
            version: one.version, accepts: vec![entry], resource: None, extensions: None, error: None,
        };
        let written = wire::write_challenge(&challenge);
        prop_assert_eq!(wire::read_challenge(&written, FAMILIES).unwrap(), challenge);
        let stored = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(serde_json::from_str::<Requirement>(&stored).unwrap(), read);
    }

    #[test]
    fn any_json_is_read_or_refused(text in r#"(\{|\[|"x402Version":[12]|"accepts":|"payload":|"accepted":|[\]},:0-9nul"]){0,20}"#) {
        if let Ok(raw) = Json::parse(text) {
            let _ = wire::read_challenge(&raw, FAMILIES);
            let _ = wire::read_payment(&raw, &[offer(V2)], FAMILIES);
            let _ = wire::read_facilitator_request(&raw, FAMILIES);
        }
    }
}

#[test]
fn v1_offers_need_v1_names() {
    let arbitrum = V2.replace("8453", "42161");
    let mut r = requirement(&arbitrum).unwrap();
    r.version = Version::V1;
    assert_eq!(wire::write_requirement(&r, "u", FAMILIES).unwrap_err().code, Code::InvalidNetwork);
    let payment =
        |accepted| tollway_core::Payment { accepted, payload: json("1"), extensions: None, resource: None };
    assert_eq!(wire::write_payment(&payment(r), FAMILIES).unwrap_err().code, Code::InvalidNetwork);
    let base = requirement(V1).unwrap();
    let text = wire::write_requirement(&base, "https://a.example/x", FAMILIES).unwrap();
    for part in
        [r#""network":"base""#, r#""maxAmountRequired":"10000""#, r#""resource":"https://a.example/x""#]
    {
        assert!(text.as_str().contains(part), "{}", text.as_str());
    }
    let text = wire::write_payment(&payment(base), FAMILIES).unwrap();
    assert_eq!(text.as_str(), r#"{"x402Version":1,"scheme":"exact","network":"base","payload":1}"#);
}

#[test]
fn payments_go_out_as_the_offer_came_in() {
    let odd = V2.replace(r#"{"scheme""#, r#"{ "unknown" : [null], "scheme""#);
    let raw = format!(
        r#"{{"x402Version":2,"payload":{{"s":1}},"accepted":{odd},"resource":{{"url":"u"}},"extensions":{{}}}}"#
    );
    let (_, read) = wire::read_payment(&json(&raw), &[offer(V2)], FAMILIES).unwrap();
    let text = wire::write_payment(&read, FAMILIES).unwrap();
    assert!(text.as_str().contains(&odd), "byte for byte");
    assert!(!text.as_str().contains("extensions"), "no empty object: {}", text.as_str());
    let stored: tollway_core::Payment = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
    assert_eq!(
        wire::write_payment(&stored, FAMILIES).unwrap().as_str(),
        text.as_str(),
        "also out of the journal"
    );
}

#[test]
fn challenges_carry_what_their_version_knows() {
    let entry = |text: &str| Entry { raw: json(text), requirement: requirement(text) };
    let mut challenge = Challenge {
        version: Version::V2,
        accepts: vec![entry(V2)],
        resource: Some(json(r#"{"url":"u"}"#)),
        extensions: Some(json("{ }")),
        error: Some(Code::Expired),
    };
    let text = wire::write_challenge(&challenge);
    assert_bare(&text);
    assert!(
        text.as_str().starts_with(
            r#"{"x402Version":2,"error":"invalid_exact_evm_payload_authorization_valid_before""#
        )
    );
    assert!(!text.as_str().contains("extensions"));
    challenge.version = Version::V1;
    challenge.accepts = vec![entry(V1)];
    assert!(!wire::write_challenge(&challenge).as_str().contains(r#""resource":{"#));
    // A resource that is empty or null is as good as none.
    challenge.version = Version::V2;
    challenge.accepts = vec![entry(V2)];
    for nothing in ["{}", "null", "{ }"] {
        challenge.resource = Some(json(nothing));
        assert!(!wire::write_challenge(&challenge).as_str().contains(r#""resource":{}"#), "{nothing}");
        assert!(!wire::write_challenge(&challenge).as_str().contains("null,"), "{nothing}");
    }
}

#[test]
fn facilitator_requests_round_trip_and_must_agree() {
    for (text, version) in [(V1, 1), (V2, 2)] {
        let payload = if version == 1 {
            r#"{"x402Version":1,"scheme":"exact","network":"base","payload":{"s":"0x"},"extensions":null}"#
                .to_owned()
        } else {
            format!(r#"{{"x402Version":2,"payload":{{"s":"0x"}},"accepted":{text},"extensions":null}}"#)
        };
        let body = |version: &str, payload: &str, requirements: &str| {
            json(&format!(
                r#"{{{version}"paymentPayload":{payload},"paymentRequirements":{requirements},"unknown":{{}}}}"#
            ))
        };
        // Some SDKs leave the outer version out, or write it as null.
        for outer in ["", "\"x402Version\":null,", &format!("\"x402Version\":{version},")] {
            let read = wire::read_facilitator_request(&body(outer, &payload, text), FAMILIES).unwrap();
            assert_eq!(read.amount_atomic, 10_000);
            assert_eq!(read.order.payment.payload.as_str(), r#"{"s":"0x"}"#);
            let written = wire::write_facilitator_request(&read.order, FAMILIES).unwrap();
            assert!(written.as_str().contains(text), "requirements as they stand");
            assert_eq!(wire::read_facilitator_request(&written, FAMILIES).unwrap(), read);
        }
        let refused = |body: Json| wire::read_facilitator_request(&body, FAMILIES).unwrap_err().code;
        assert_eq!(refused(body("\"x402Version\":7,", &payload, text)), Code::InvalidX402Version);
        assert_eq!(refused(body("", &payload, &text.replace("exact", "upto"))), Code::InvalidScheme);
        let elsewhere = text.replace("eip155:8453", "eip155:84532").replace(r#""base""#, r#""base-sepolia""#);
        assert_eq!(refused(body("", &payload, &elsewhere)), Code::InvalidNetwork);
        assert_eq!(refused(body("", "{}", text)), Code::InvalidPayload);
    }
    let missing = json(&format!(
        r#"{{"paymentPayload":{{"x402Version":2,"payload":{{}}}},"paymentRequirements":{V2}}}"#
    ));
    assert_eq!(wire::read_facilitator_request(&missing, FAMILIES).unwrap_err().code, Code::InvalidPayload);
}

#[test]
fn supported_kinds_are_read_where_they_can_be_used() {
    let text = r#"{"kinds":[
        {"x402Version":2,"scheme":"exact","network":"eip155:8453","extra":{"feePayer":"x"},"more":1},
        {"x402Version":1,"scheme":"exact","network":"base","extra":null},
        {"x402Version":1,"scheme":"exact","network":"mars"},
        {"x402Version":3,"scheme":"exact","network":"eip155:8453"}],
        "signers":{"eip155:*":["0x1"]},"unknown":[]}"#;
    let read: wire::SupportedResponse = json(text).read().unwrap();
    assert!(read.extensions.is_empty());
    let kinds: Vec<_> = read.kinds.iter().filter_map(|k| k.kind(FAMILIES, &[])).collect();
    assert_eq!(kinds.len(), 2);
    assert_eq!(kinds[0].chain, kinds[1].chain);
    assert!(kinds[1].extra.is_empty());
    for kind in &kinds {
        let written = wire::SupportedKind::of(kind, FAMILIES).unwrap();
        assert_bare(&Json::of(&written));
        assert_eq!(written.kind(FAMILIES, &[]).as_ref(), Some(kind));
    }
    let nameless = tollway_core::Kind { chain: ChainId::new("eip155:42161").unwrap(), ..kinds[1].clone() };
    assert_eq!(wire::SupportedKind::of(&nameless, FAMILIES), None);
    let empty: wire::SupportedResponse = json(r#"{"kinds":[]}"#).read().unwrap();
    assert_eq!(empty, wire::SupportedResponse::default());
    let nulls = json(r#"{"kinds":[],"extensions":null,"signers":null}"#).read::<wire::SupportedResponse>();
    assert_eq!(nulls.unwrap(), wire::SupportedResponse::default(), "null is absent");
}

#[test]
fn verify_answers_read_in_every_dialect() {
    for (text, valid, reason) in [
        (r#"{"isValid":true,"payer":"0x1"}"#, true, None),
        (r#"{"isValid":true}"#, true, None),
        (r#"{"isValid":true,"invalidReason":null,"payer":null,"extra":null,"extensions":{}}"#, true, None),
        (
            r#"{"isValid":false,"invalidReason":"insufficient_funds","invalidMessage":"m"}"#,
            false,
            Some(Code::InsufficientFunds),
        ),
        // x402-rs
        (
            r#"{"isValid":false,"invalidReason":"recipient_mismatch","invalidReasonDetails":"d","payer":""}"#,
            false,
            Some(Code::RecipientMismatch),
        ),
    ] {
        let read: wire::VerifyResponse = json(text).read().unwrap();
        assert_eq!((read.is_valid, &read.invalid_reason), (valid, &reason), "{text}");
        assert_bare(&Json::of(&read));
    }
}

#[test]
fn errors_keep_a_known_transaction() {
    let r = requirement(V2).unwrap();
    let tx = tollway_core::TxId("0xdead".to_owned());
    let text =
        wire::SettleResponse::of_error(&Error::unknown(Code::TimedOut, Some(tx.clone())), &r, FAMILIES);
    assert_eq!(
        (text.transaction.as_str(), text.error_reason.clone()),
        ("0xdead", Some(Code::SettlementPending))
    );
    assert_bare(&Json::of(&text));
    let back = text.receipt(&r, FAMILIES).unwrap_err();
    assert_eq!(back.next, tollway_core::Next::Unknown(Some(tx)));
    let refused = wire::SettleResponse::of_error(&Error::payer(Code::Expired), &r, FAMILIES);
    assert!(Json::of(&refused).as_str().contains(r#""transaction":"""#), "always written");
    assert_eq!(refused.receipt(&r, FAMILIES).unwrap_err().code, Code::Expired);
}
