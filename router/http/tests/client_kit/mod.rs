//! A scripted server on loopback, a scheme that signs with a counter, and a router over both.
#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]

pub(crate) mod scheme;
pub(crate) mod server;

pub(crate) use scheme::{ASSET, CHAIN, PAYEE, PRICE, SECRET, Wallet};
pub(crate) use server::{Act, Seen, Server};

use std::sync::Arc;
use tollway_core::{Json, wire::SettleResponse};
use tollway_http::client::{ClientSettings, PayingClient};
use tollway_http::codec;

/// Short times, so that a test of patience does not need any.
pub(crate) fn settings() -> ClientSettings {
    ClientSettings {
        first_timeout_ms: 2_000,
        paid_timeout_ms: 300,
        paid_total_ms: 5_000,
        body_timeout_ms: 500,
        backoff_ms: 5,
        retry_after_max_ms: 20,
        ..ClientSettings::default()
    }
}

pub(crate) fn client_with(settings: ClientSettings) -> (PayingClient, Arc<Wallet>) {
    let (router, wallet) = scheme::router();
    (PayingClient::new(reqwest::Client::builder(), router, settings).unwrap(), wallet)
}

pub(crate) fn client() -> (PayingClient, Arc<Wallet>) {
    client_with(settings())
}

/// One `accepts` entry.
pub(crate) fn accept(amount: u128) -> String {
    format!(
        r#"{{"scheme":"fake","network":"{CHAIN}","amount":"{amount}","asset":"{ASSET}","payTo":"{PAYEE}","maxTimeoutSeconds":60}}"#
    )
}

pub(crate) fn base64(text: &str) -> String {
    codec::encode(&Json::parse(text).unwrap())
}

/// A v2 challenge as a header value.
pub(crate) fn terms(amount: u128, error: Option<&str>) -> String {
    let error = error.map(|e| format!(r#""error":"{e}","#)).unwrap_or_default();
    base64(&format!(
        r#"{{"x402Version":2,{error}"resource":{{"url":"http://x"}},"accepts":[{}]}}"#,
        accept(amount)
    ))
}

/// 402 with terms.
pub(crate) fn asks(amount: u128) -> Act {
    Act::new(402).header("PAYMENT-REQUIRED", &terms(amount, None)).body("{}")
}

pub(crate) fn success() -> SettleResponse {
    SettleResponse {
        success: true,
        transaction: "tx1".to_owned(),
        network: CHAIN.to_owned(),
        amount: Some(PRICE.to_string()),
        ..SettleResponse::default()
    }
}

pub(crate) fn failure(reason: &str) -> SettleResponse {
    SettleResponse {
        success: false,
        error_reason: Some(tollway_core::Code::from_wire(reason)),
        network: CHAIN.to_owned(),
        ..SettleResponse::default()
    }
}

pub(crate) fn encoded(response: &SettleResponse) -> String {
    codec::encode(&Json::of(response))
}

/// 200 with a receipt.
pub(crate) fn serves() -> Act {
    Act::new(200).header("PAYMENT-RESPONSE", &encoded(&success())).body("content")
}

/// Asks until there is a payment, then answers with `paid`, which is told how many payments came before.
pub(crate) async fn shop(paid: impl Fn(usize) -> Act + Send + Sync + 'static) -> Server {
    Server::start(move |seen, before| match seen.payment() {
        None => asks(PRICE),
        Some(_) => paid(before.iter().filter(|s| s.payment().is_some()).count()),
    })
    .await
}
