//! A message is an object. serde would also take a list for a struct, field by field in the order of our own code.

mod common;

use common::FAMILIES;
use tollway_core::wire::{
    parse_challenge, parse_payment, read_challenge, read_facilitator_request, read_payment,
};
use tollway_core::{Code, Json};

const CHALLENGES: [&str; 3] =
    ["[2,[],null,null,null]", "[1,null,null,null,null]", " [2,[{}],\"insufficient_funds\"]"];

#[test]
fn a_list_is_no_challenge() {
    for text in CHALLENGES {
        assert_eq!(parse_challenge(text, FAMILIES).unwrap_err().code, Code::InvalidPayload, "{text}");
        let json = Json::parse(text).unwrap();
        assert_eq!(read_challenge(&json, FAMILIES).unwrap_err().code, Code::InvalidPayload, "{text}");
    }
    assert!(parse_challenge("\n\t {\"x402Version\":2,\"accepts\":[]}", FAMILIES).is_ok());
}

#[test]
fn a_list_is_no_payment() {
    for text in
        [r#"[1,{},null,null,null,"exact","base"]"#, r#"[2,{},{"scheme":"exact"},null,null,null,null]"#]
    {
        assert_eq!(parse_payment(text, [], FAMILIES).unwrap_err().code, Code::InvalidPayload, "{text}");
        let json = Json::parse(text).unwrap();
        assert_eq!(read_payment(&json, [], FAMILIES).unwrap_err().code, Code::InvalidPayload, "{text}");
    }
}

#[test]
fn a_list_is_no_facilitators_request() {
    let request =
        |text: &str| read_facilitator_request(&Json::parse(text).unwrap(), FAMILIES).unwrap_err().code;
    assert_eq!(request(r#"[2,{"x402Version":2,"payload":{}},{}]"#), Code::InvalidPayload);
    let inside =
        r#"{"x402Version":1,"paymentPayload":[1,{},null,null,null,"exact","base"],"paymentRequirements":{}}"#;
    assert_eq!(request(inside), Code::InvalidPayload);
}
