//! A chain family for tests: addresses are `0x` and some hex digits, case means nothing, capitals are emitted.
#![allow(dead_code, reason = "each test binary uses its own part")]

use arrayvec::ArrayString;
use tollway_core::{Code, Error, Family, Json, KnownNetwork, Offer, Requirement, Result, Version, wire};

pub(crate) const FAMILIES: &[Family] = &[EVM, SVM];

pub(crate) const EVM: Family = Family {
    namespace: "eip155",
    address: |text| match text.strip_prefix("0x") {
        Some(hex) if (1..=40).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
            canonical(&text.to_ascii_lowercase())
        }
        _ => Err(bad(text)),
    },
    display: |canonical| format!("0x{}", canonical.trim_start_matches("0x").to_ascii_uppercase()),
    networks: &[
        network("eip155:8453", Some("base")),
        network("eip155:84532", Some("base-sepolia")),
        network("eip155:42161", None),
    ],
    assets: &[],
};

/// Case matters here.
pub(crate) const SVM: Family = Family {
    namespace: "solana",
    address: |text| {
        if text.bytes().all(|b| b.is_ascii_alphanumeric()) { canonical(text) } else { Err(bad(text)) }
    },
    display: str::to_owned,
    networks: &[network("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", Some("solana"))],
    assets: &[],
};

const fn network(chain: &'static str, v1_name: Option<&'static str>) -> KnownNetwork {
    KnownNetwork { chain, title: "Test", v1_name, coin: "ETH", coin_decimals: 18, testnet: true }
}

fn canonical(text: &str) -> Result<ArrayString<{ tollway_core::ids::KEY_BYTES_MAX }>> {
    ArrayString::from(text).map_err(|_| bad(text))
}

fn bad(text: &str) -> Error {
    Error::payee(Code::InvalidAddress).detail(format!("{text:.64?}"))
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) const V2: &str = r#"{"scheme":"exact","network":"eip155:8453","amount":"10000","asset":"0xAa","payTo":"0xBb","maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2"}}"#;
pub(crate) const V1: &str = r#"{"scheme":"exact","network":"base","maxAmountRequired":"10000","resource":"https://a.example/x","description":"d","mimeType":"text/plain","payTo":"0xBb","maxTimeoutSeconds":60,"asset":"0xAa","outputSchema":null,"extra":{"name":"USDC","version":"2"}}"#;

pub(crate) fn requirement(text: &str) -> Result<Requirement> {
    let version = if text.contains("maxAmountRequired") { Version::V1 } else { Version::V2 };
    wire::read_requirement(&json(text), version, FAMILIES)
}

pub(crate) fn offer(text: &str) -> Offer {
    Offer { requirement: requirement(text).unwrap(), bound_to: None, volatile: Vec::new() }
}

/// No key may be `null` or `{}`, at any depth.
pub(crate) fn assert_bare(json: &Json) {
    fn walk(value: &serde_json::Value, whole: &str) {
        match value {
            serde_json::Value::Null => panic!("null in {whole}"),
            serde_json::Value::Object(map) => {
                assert!(!map.is_empty(), "{{}} in {whole}");
                map.values().for_each(|v| walk(v, whole));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|v| walk(v, whole)),
            _ => {}
        }
    }
    walk(&json.value(), json.as_str());
}
