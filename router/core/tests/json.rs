//! Raw JSON: kept byte for byte, compared by value, and never a panic.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use tollway_core::{Code, Extra, Json};

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    part: &'a RawValue,
}

#[test]
fn a_slice_keeps_its_very_bytes() {
    for bytes in [r#"{ "b":1,"a" : "\u0041\/" }"#, "1.50", "[ ]", "null", "\"é\"", "1e400", "-0"] {
        let whole = Json::parse(format!(r#" {{"x":[{bytes}], "part" : {bytes} , "y":0}} "#)).unwrap();
        let part = whole.read::<Part<'_>>().unwrap().part;
        let slice = whole.slice(part);
        assert_eq!(slice.as_str(), bytes);
        assert_eq!(slice.as_str().as_ptr(), part.get().as_ptr(), "shared, not copied");
        assert_eq!(serde_json::to_string(&slice).unwrap(), bytes, "and it is written as it came");
        // A slice of a slice, and one of somebody else's text.
        let again = Json::parse(format!(r#"{{"part":{{"part":{bytes}}}}}"#)).unwrap();
        let outer = again.slice(again.read::<Part<'_>>().unwrap().part);
        assert_eq!(outer.slice(outer.read::<Part<'_>>().unwrap().part).as_str(), bytes);
        assert_eq!(Json::empty().slice(part).as_str(), bytes);
    }
}

#[test]
fn equal_means_the_same_value() {
    let same = [
        (r#"{"a":1,"b":[2]}"#, "{ \"b\" : [ 2 ],\n\"a\" : 1 }"),
        (r#""A""#, r#""\u0041""#),
        ("null", " null"),
        ("{}", "{ }"),
    ];
    for (a, b) in same {
        assert_eq!(Json::parse(a).unwrap(), Json::parse(b).unwrap());
    }
    for (a, b) in [("1", "2"), ("[]", "{}"), ("null", "{}"), (r#""1""#, "1"), ("[1,2]", "[2,1]")] {
        assert_ne!(Json::parse(a).unwrap(), Json::parse(b).unwrap());
    }
    let empty = ["{}", "null", "{ }", " null "];
    assert!(empty.iter().all(|e| Json::parse(*e).unwrap().is_empty()));
    assert!(["[]", "0", "\"\"", r#"{"a":null}"#].iter().all(|e| !Json::parse(*e).unwrap().is_empty()));
}

#[test]
fn what_is_not_json_is_refused() {
    let hostile = [
        "",
        " ",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        ".5",
        "+1",
        "{",
        "}",
        "{]",
        "[1,]",
        "{\"a\":}",
        "{a:1}",
        "'a'",
        "\"\u{1}\"",
        "\"\\x\"",
        "\"\\ud800\"x",
        "tru",
        "1 2",
        "{}{}",
        "\u{feff}{}",
        "/*c*/1",
        "\"open",
    ];
    for text in hostile {
        let error = Json::parse(text).expect_err(text);
        assert_eq!(error.code, Code::InvalidPayload);
    }
}

#[test]
fn depth_and_size_break_nothing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}0{}", open.repeat(10_000), close.repeat(10_000));
        if let Ok(json) = Json::parse(deep.clone()) {
            // Whoever looks inside meets the limit as an error or an empty value, never an overflowing stack.
            assert_eq!(json.value(), serde_json::Value::Null);
            assert!(json.read::<serde_json::Value>().is_err());
            assert_eq!(json, Json::parse(deep).unwrap(), "the same bytes are the same value");
            assert_ne!(json, Json::parse("null").unwrap());
            assert!(!json.is_empty(), "too deep to read is not empty");
            assert_eq!(json.clone().as_str().len(), json.as_str().len());
            let _ = (serde_json::to_string(&json).unwrap(), format!("{json:?}"));
            let _ = (Extra(json.clone()).map(), Extra(json).read::<serde_json::Value>().is_err());
        }
    }
    assert!(Json::parse("[".repeat(1 << 20)).is_err());
    let big = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(Json::parse(big.clone()).unwrap().as_str(), big);
}

#[test]
fn debug_and_errors_show_no_payload() {
    let secret = r#"{"signature":"0xsecret"}"#;
    let json = Json::parse(secret).unwrap();
    assert!(!format!("{json:?} {:?}", Extra(json.clone())).contains("secret"));
    #[derive(Deserialize, Debug)]
    struct Want {
        #[allow(dead_code)]
        nonce: u64,
    }
    assert!(!json.read::<Want>().unwrap_err().to_string().contains("secret"));
    let wrong = Json::parse(r#"{"nonce":"0xsecret"}"#).unwrap();
    assert!(!wrong.read::<Want>().unwrap_err().to_string().contains("secret"), "{:?}", wrong.read::<Want>());
}

#[test]
fn extra_is_open_data() {
    let extra = |text: &str| Extra(Json::parse(text).unwrap());
    assert!(extra("null").is_empty() && extra("{}").is_empty() && Extra::default().is_empty());
    let offered = extra(r#"{"name":"USDC","blockhash":"old","n":{"a":1}}"#);
    let same_and_more = extra(r#"{"n":{"a":1},"blockhash":"new","name":"USDC","more":1}"#);
    assert!(offered.is_within(&same_and_more, &["blockhash"]));
    assert!(!offered.is_within(&same_and_more, &[]));
    assert!(!same_and_more.is_within(&offered, &["blockhash"]));
    assert!(!offered.is_within(&extra(r#"{"n":{"a":1,"b":2},"blockhash":"old","name":"USDC"}"#), &[]));
    assert!(
        Extra::default().is_within(&extra("null"), &[]) && extra("null").is_within(&Extra::default(), &[])
    );
    let set = offered.with([("name".to_owned(), "EURC".into())]);
    assert_eq!(set.map()["name"], "EURC");
    assert_eq!(set.map().len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_text_is_kept_or_refused(text in "\\PC{0,40}|[\\[\\]{}\",:0-9a-z.\\\\ -]{0,40}") {
        if let Ok(json) = Json::parse(text.clone()) {
            prop_assert_eq!(json.as_str(), &text);
            let _ = (json.value(), json.is_empty(), json == Json::empty());
        }
    }
}

#[test]
fn words_say_what_was_wanted_and_not_what_was_there() {
    #[derive(Deserialize, Debug)]
    struct Want {
        #[allow(dead_code)]
        nonce: u64,
    }
    let found = [r#""0xsecret, expected nothing""#, r#""secret`\"""#, "1.25", "{}", "[1]", "true", "-1"];
    for found in found {
        let json = Json::parse(format!(r#"{{"nonce":{found}}}"#)).unwrap();
        let detail = json.read::<Want>().unwrap_err().detail;
        assert!(detail.contains("invalid") && detail.contains(", expected u64 at line 1"), "{detail}");
        assert!(!detail.contains("secret") && !detail.contains("1.25"), "{detail}");
    }
    let missing = Json::parse("{}").unwrap().read::<Want>().unwrap_err().detail;
    assert!(missing.contains("missing field `nonce`"), "{missing}");
}
