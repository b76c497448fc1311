//! The seller's side: sixteen offers, and payments that differ in nothing but nonce and signature.

use crate::NOW_S;
use crate::floor::{Floor, Wanted, recover};
use alloy::hex;
use alloy::primitives::{B256, U256, keccak256};
use http::{HeaderMap, HeaderValue};
use tollway_core::{Json, Leg, Offer, Order, Terms, Time, Version, wire};
use tollway_evm::eip712::{Transfer, separator};
use tollway_evm::{FAMILY, LocalKey, address};
use tollway_http::codec::{self, Limits};

/// Where the ninth offer is, which is the one that is paid.
pub const PAID: usize = 8;
const CHAIN: u64 = 8453;
const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
const TOKEN: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
const DOMAIN: (&str, &str) = ("USD Coin", "2");

/// How a client spells the entry that it accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Byte for byte as it was offered.
    Echoed,
    /// Equal in value, in another order of keys, as x402-rs writes it.
    Reordered,
}

fn entry(chain: u64, spelling: Spelling) -> String {
    let (name, version) = DOMAIN;
    let extra = format!(r#""extra":{{"name":"{name}","version":"{version}"}}"#);
    let head = format!(r#""scheme":"exact","network":"eip155:{chain}","amount":"10000""#);
    let (asset, pay_to) = (format!(r#""asset":"{TOKEN}""#), format!(r#""payTo":"{PAY_TO}""#));
    let timeout = r#""maxTimeoutSeconds":60"#;
    match spelling {
        Spelling::Echoed => format!("{{{head},{asset},{pay_to},{timeout},{extra}}}"),
        Spelling::Reordered => format!("{{{head},{pay_to},{timeout},{asset},{extra}}}"),
    }
}

fn chain_of(offer: usize) -> u64 {
    if offer == PAID { CHAIN } else { 100 + u64::try_from(offer).expect("sixteen") }
}

/// Sixteen offers.
pub fn offers() -> Vec<Offer> {
    let offer = |i| {
        let raw = Json::parse(entry(chain_of(i), Spelling::Echoed)).expect("JSON");
        let requirement = wire::read_requirement(&raw, Version::V2, &[FAMILY]).expect("an entry");
        Offer { requirement, bound_to: None, volatile: Vec::new() }
    };
    (0..16).map(offer).collect()
}

/// The same for the floor.
pub fn wanted() -> Vec<Wanted> {
    let one = |i| Wanted {
        network: format!("eip155:{}", chain_of(i)),
        asset: TOKEN.to_owned(),
        pay_to: PAY_TO.to_owned(),
        amount: "10000".to_owned(),
        domain: (DOMAIN.0.to_owned(), DOMAIN.1.to_owned()),
    };
    (0..16).map(one).collect()
}

/// A signed payment, as a request brings it and as the floor wants it.
#[derive(Debug)]
pub struct Arriving {
    /// The request's headers.
    pub headers: HeaderMap,
    /// The header's value alone.
    pub header: Vec<u8>,
    digest: [u8; 32],
    signature: [u8; 65],
}

impl Arriving {
    /// The `n`th payment, with a valid signature of its own.
    pub fn new(n: u64, spelling: Spelling) -> Self {
        let key = LocalKey::from_bytes(&[7; 32]).expect("a key");
        let token = address::parse(TOKEN).expect("an address");
        let transfer = Transfer {
            from: key.address(),
            to: address::parse(PAY_TO).expect("an address"),
            value: U256::from(10_000),
            valid_after: U256::ZERO,
            valid_before: U256::from(NOW_S + 60),
            nonce: keccak256(n.to_be_bytes()),
        };
        let digest: B256 = transfer.digest(&separator(DOMAIN.0, DOMAIN.1, CHAIN, token));
        let signature = key.sign(&digest).as_bytes();
        let text = format!(
            r#"{{"x402Version":2,"payload":{{"signature":"{}","authorization":{{"from":"{}","to":"{}","value":"10000","validAfter":"0","validBefore":"{}","nonce":"{}"}}}},"resource":{{"url":"https://api.example.com/premium-data","description":"Access to premium market data","mimeType":"application/json"}},"accepted":{}}}"#,
            hex::encode_prefixed(signature),
            transfer.from,
            transfer.to,
            transfer.valid_before,
            transfer.nonce,
            entry(CHAIN, spelling),
        );
        let header = base64_simd::STANDARD.encode_to_string(text);
        let mut headers = HeaderMap::new();
        headers.insert("payment-signature", HeaderValue::from_str(&header).expect("ASCII"));
        Self { headers, header: header.into_bytes(), digest: digest.0, signature }
    }
}

/// Ours: header → payment and offer.
pub fn find(arriving: &Arriving, offers: &[Offer]) -> Option<usize> {
    let found = codec::read_payment(&arriving.headers, offers, &[FAMILY], &Limits::DEFAULT).ok()??;
    Some(std::hint::black_box(&found).0)
}

/// Ours: header → verdict. Decoded, matched, hashed, recovered, and the terms held against the offer.
pub fn verdict(arriving: &Arriving, offers: &[Offer]) -> Option<Terms> {
    let (at, payment) =
        codec::read_payment(&arriving.headers, offers, &[FAMILY], &Limits::DEFAULT).ok()??;
    let order = Order { leg: Leg::After, requirement: offers.get(at)?.requirement.clone(), payment };
    let terms = tollway_exact_eip3009::read(&order).ok()?;
    terms.check(&order, Time::from_secs(NOW_S)).ok()?;
    Some(terms)
}

/// The floor: the curve alone.
pub fn curve(arriving: &Arriving) -> Option<secp256k1::PublicKey> {
    recover(&arriving.digest, &arriving.signature)
}

/// The floor: decode and match.
pub fn floor(floor: &mut Floor, arriving: &Arriving, offers: &[Wanted]) -> Option<usize> {
    floor.find(&arriving.header, offers)
}
