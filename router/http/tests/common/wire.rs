//! Offers and payments as the SDKs write them, and a family that reads hex addresses.
#![allow(dead_code, reason = "each test takes what it needs")]

use tollway_core::{Code, Error, Family, Json, KnownNetwork, Offer, Result, Version, wire};

const NETWORKS: &[KnownNetwork] = &[KnownNetwork {
    chain: "eip155:84532",
    title: "Base Sepolia",
    v1_name: Some("base-sepolia"),
    coin: "ETH",
    coin_decimals: 18,
    testnet: true,
}];

/// A family of chains with hex addresses.
pub(crate) const FAMILY: Family =
    Family { namespace: "eip155", address, display: |a| a.to_owned(), networks: NETWORKS, assets: &[] };

fn address(text: &str) -> Result<arrayvec::ArrayString<{ tollway_core::ids::KEY_BYTES_MAX }>> {
    let hex = text.strip_prefix("0x").filter(|h| h.len() == 40 && h.bytes().all(|b| b.is_ascii_hexdigit()));
    let mut out = arrayvec::ArrayString::from(if hex.is_some() { text } else { "" })
        .map_err(|_| Error::payee(Code::InvalidAddress))?;
    out.make_ascii_lowercase();
    if out.is_empty() { Err(Error::payee(Code::InvalidAddress)) } else { Ok(out) }
}

pub(crate) const PAY_TO: &str = "0x209693bc6afc0c5328ba36faf03c514ef312287c";
pub(crate) const TOKEN: &str = "0x036cbd53842c5426634e7929541ec2318f3dcf7e";

/// One `accepts` entry as the TypeScript SDK writes it.
pub(crate) fn accept(chain: u64, amount: u128) -> String {
    format!(
        r#"{{"scheme":"exact","network":"eip155:{chain}","amount":"{amount}","asset":"{TOKEN}","payTo":"{PAY_TO}","maxTimeoutSeconds":300,"extra":{{"name":"USDC","version":"2"}}}}"#
    )
}

/// The same entry in the key order of x402-rs: equal in value, not in bytes.
pub(crate) fn accept_reordered(chain: u64, amount: u128) -> String {
    format!(
        r#"{{"scheme":"exact","network":"eip155:{chain}","amount":"{amount}","payTo":"{PAY_TO}","maxTimeoutSeconds":300,"asset":"{TOKEN}","extra":{{"name":"USDC","version":"2"}}}}"#
    )
}

pub(crate) fn offer(text: &str) -> Offer {
    let requirement = wire::read_requirement(&Json::parse(text).unwrap(), Version::V2, &[FAMILY]).unwrap();
    Offer { requirement, bound_to: None, volatile: Vec::new() }
}

/// Sixteen offers; a payment for 10 000 on chain 8453 matches the ninth.
pub(crate) fn offers() -> Vec<Offer> {
    (0..16).map(|i| offer(&accept(if i == 8 { 8453 } else { 100 + i }, 10_000))).collect()
}

/// A payment that accepted `accepted`.
pub(crate) fn payment(accepted: &str) -> String {
    format!(
        r#"{{"x402Version":2,"payload":{{"signature":"0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c","authorization":{{"from":"0x857b06519e91e3a54538791bdbb0e22373e36b66","to":"{PAY_TO}","value":"10000","validAfter":"1740672089","validBefore":"1740672154","nonce":"0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"}}}},"resource":{{"url":"https://api.example.com/premium-data","description":"Access to premium market data","mimeType":"application/json"}},"accepted":{accepted}}}"#
    )
}

pub(crate) fn base64(text: &str) -> String {
    base64_simd::STANDARD.encode_to_string(text)
}
