//! What physics allows: one borrowed parse into a reused buffer, and nothing owned afterwards.

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey};
use serde::Deserialize;
use std::borrow::Cow;
use std::hint::black_box;

/// An entry of `accepts`, borrowed.
#[derive(Debug, Deserialize)]
pub struct Accepted<'a> {
    #[serde(borrow)]
    scheme: Cow<'a, str>,
    #[serde(borrow)]
    network: Cow<'a, str>,
    #[serde(borrow)]
    amount: Cow<'a, str>,
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow, rename = "payTo")]
    pay_to: Cow<'a, str>,
    #[serde(rename = "maxTimeoutSeconds")]
    timeout_s: u64,
    extra: Extra<'a>,
}
#[derive(Debug, Deserialize)]
struct Extra<'a> {
    name: &'a str,
    version: &'a str,
}
#[derive(Deserialize)]
struct Authorization<'a> {
    from: &'a str,
    to: &'a str,
    value: &'a str,
    #[serde(rename = "validAfter")]
    valid_after: &'a str,
    #[serde(rename = "validBefore")]
    valid_before: &'a str,
    nonce: &'a str,
}
#[derive(Deserialize)]
struct Payload<'a> {
    signature: &'a str,
    #[serde(borrow)]
    authorization: Authorization<'a>,
}
#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}
#[derive(Deserialize)]
struct Payment<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow)]
    accepted: Accepted<'a>,
    #[serde(borrow)]
    payload: Payload<'a>,
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
}
#[derive(Deserialize)]
struct Challenge<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow)]
    accepts: Vec<Accepted<'a>>,
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
}

/// An offer as the floor compares it: five texts.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// CAIP-2 id.
    pub network: String,
    /// Token.
    pub asset: String,
    /// Payee.
    pub pay_to: String,
    /// Atomic units.
    pub amount: String,
    /// The token's domain.
    pub domain: (String, String),
}

/// A floor with its buffer, used again and again.
#[derive(Debug, Default)]
pub struct Floor {
    buffer: Vec<u8>,
}

impl Floor {
    fn decode(&mut self, header: &[u8]) -> Option<&[u8]> {
        self.buffer.clear();
        base64_simd::STANDARD.decode_append(header, &mut self.buffer).ok()?;
        Some(&self.buffer)
    }

    /// Header → payment → position of the offer.
    pub fn find(&mut self, header: &[u8], offers: &[Wanted]) -> Option<usize> {
        let paid: Payment<'_> = serde_json::from_slice(self.decode(header)?).ok()?;
        let (a, p, said) = (&paid.payload.authorization, &paid.payload, &paid.accepted);
        black_box((paid.version, a.from, a.to, a.value, a.valid_after, a.valid_before, a.nonce, p.signature));
        black_box(paid.resource.as_ref().map(|r| &r.url));
        offers.iter().position(|o| {
            o.network == said.network
                && o.amount == said.amount
                && said.scheme == "exact"
                && o.asset.eq_ignore_ascii_case(&said.asset)
                && o.pay_to.eq_ignore_ascii_case(&said.pay_to)
                && said.timeout_s == 60
                && o.domain.0 == said.extra.name
                && o.domain.1 == said.extra.version
        })
    }

    /// Header → JSON of a 402, and how many entries it has.
    pub fn parse(&mut self, header: &[u8]) -> Option<usize> {
        let asked: Challenge<'_> = serde_json::from_slice(self.decode(header)?).ok()?;
        black_box((asked.version, asked.resource.as_ref().map(|r| &r.url)));
        Some(black_box(&asked.accepts).len())
    }
}

/// One recovery by libsecp256k1: the public key behind a signature `r ‖ s ‖ v`.
pub fn recover(digest: &[u8; 32], signature: &[u8; 65]) -> Option<PublicKey> {
    let [compact @ .., v] = signature;
    let id = if *v == 27 { RecoveryId::Zero } else { RecoveryId::One };
    let signature = RecoverableSignature::from_compact(compact, id).ok()?;
    signature.recover_ecdsa(Message::from_digest(*digest)).ok()
}
