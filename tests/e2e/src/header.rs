//! Payments built by hand, from a really signed authorization, and plain requests to carry them.

use crate::Outcome;
use alloy::primitives::{Address, B256, U256};
use http::Method;
use reqwest::Client;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use tollway::core::Dice;
use tollway::evm::LocalKey;
use tollway::evm::eip712::{self, Transfer};
use tollway::system::OsDice;

/// The header that carries a payment (x402 v2).
pub const PAYMENT: &str = "payment-signature";

/// What will be signed, every part of it open to change before it is.
#[derive(Debug)]
pub struct Draft {
    /// Who signs.
    pub key: LocalKey,
    /// The domain's name.
    pub name: String,
    /// The domain's version.
    pub version: String,
    /// The domain's chain.
    pub chain_id: u64,
    /// The domain's contract.
    pub token: Address,
    /// What is signed.
    pub transfer: Transfer,
    /// The entry that is answered.
    pub accepted: Value,
    /// The 402's resource.
    pub resource: Value,
}

impl Draft {
    /// The honest answer to the first entry of a challenge.
    ///
    /// # Errors
    /// A challenge that is none.
    pub fn new(challenge: &Value, key: &str) -> Outcome<Self> {
        let accepted = challenge["accepts"][0].clone();
        let word =
            |path: &str| accepted.pointer(path).and_then(Value::as_str).ok_or_else(|| format!("no {path}"));
        let key = LocalKey::from_hex(key)?;
        let window = accepted["maxTimeoutSeconds"].as_u64().ok_or("no maxTimeoutSeconds")?;
        let mut nonce = B256::ZERO;
        OsDice.fill(nonce.as_mut_slice());
        let transfer = Transfer {
            from: key.address(),
            to: word("/payTo")?.parse()?,
            value: word("/amount")?.parse()?,
            valid_after: U256::ZERO,
            valid_before: U256::from(now_s().saturating_add(window)),
            nonce,
        };
        Ok(Self {
            key,
            name: word("/extra/name")?.to_owned(),
            version: word("/extra/version")?.to_owned(),
            chain_id: word("/network")?.trim_start_matches("eip155:").parse()?,
            token: word("/asset")?.parse()?,
            transfer,
            resource: challenge["resource"].clone(),
            accepted,
        })
    }

    /// Signs it as it stands.
    pub fn sign(&self) -> Value {
        let separator = eip712::hash_domain(&self.name, &self.version, self.chain_id, self.token);
        let signature = self.key.sign(&self.transfer.digest(&separator));
        let said = &self.transfer;
        json!({
            "x402Version": 2,
            "resource": self.resource,
            "accepted": self.accepted,
            "payload": {
                "signature": format!("0x{}", hex::encode(signature.as_bytes())),
                "authorization": {
                    "from": said.from.to_checksum(None),
                    "to": said.to.to_checksum(None),
                    "value": said.value.to_string(),
                    "validAfter": said.valid_after.to_string(),
                    "validBefore": said.valid_before.to_string(),
                    "nonce": format!("0x{}", hex::encode(said.nonce)),
                }
            }
        })
    }
}

/// Unix time in seconds.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A payment as it stands in its header.
pub fn encode(payment: &Value) -> String {
    base64_simd::STANDARD.encode_to_string(payment.to_string())
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
    /// The receipt in its header.
    pub receipt: Option<Value>,
    /// The challenge in its header.
    pub challenge: Option<Value>,
}

impl Answer {
    /// The one word that says what was wrong: the receipt's, the challenge's, or the body's.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let word = |value: Option<&Value>, key: &str| Some(value?.get(key)?.as_str()?.to_owned());
        word(self.receipt.as_ref(), "errorReason")
            .or_else(|| word(self.challenge.as_ref(), "error"))
            .or_else(|| word(Some(&body), "error"))
            .unwrap_or_default()
    }

    /// The transaction of the receipt.
    pub fn transaction(&self) -> Option<&str> {
        self.receipt.as_ref()?.get("transaction")?.as_str().filter(|t| !t.is_empty())
    }
}

/// A request by hand.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: String,
    /// Its `Host`; a shop is known by this name whatever port it has.
    pub host: String,
    /// Its body.
    pub body: String,
}

impl Ask {
    /// A GET of `path` at a shop.
    pub fn get(shop: &str, path: &str) -> Self {
        Self {
            method: Method::GET,
            url: format!("{shop}{path}"),
            host: "shop.example".to_owned(),
            body: String::new(),
        }
    }

    /// Sends it, with a payment header or without.
    ///
    /// # Errors
    /// No answer; one whose headers cannot be read.
    pub async fn send(&self, client: &Client, payment: Option<&str>) -> Outcome<Answer> {
        let mut request = client.request(self.method.clone(), &self.url).header("host", &self.host);
        if let Some(payment) = payment {
            request = request.header(PAYMENT, payment);
        }
        let answer = request.body(self.body.clone()).send().await?;
        let header = |name: &str| -> Outcome<Option<Value>> {
            let Some(value) = answer.headers().get(name) else { return Ok(None) };
            let json = base64_simd::STANDARD.decode_to_vec(value.as_bytes()).map_err(|_| "no base64")?;
            Ok(Some(serde_json::from_slice(&json)?))
        };
        let (receipt, challenge) = (header("payment-response")?, header("payment-required")?);
        Ok(Answer { status: answer.status().as_u16(), body: answer.text().await?, receipt, challenge })
    }

    /// What it costs.
    ///
    /// # Errors
    /// Nothing is asked.
    pub async fn challenge(&self, client: &Client) -> Outcome<Value> {
        let answer = self.send(client, None).await?;
        Ok(answer.challenge.clone().ok_or_else(|| format!("no challenge: {answer:?}"))?)
    }

    /// A fresh, honest payment for it.
    ///
    /// # Errors
    /// Nothing is asked.
    pub async fn draft(&self, client: &Client, key: &str) -> Outcome<Draft> {
        Draft::new(&self.challenge(client).await?, key)
    }
}
