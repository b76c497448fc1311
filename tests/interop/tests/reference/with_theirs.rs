//! What an answer to the reference client must hold.

use serde_json::Value;
use tollway_interop::{Deal, Terms};

/// It was served and it knows by which transaction it has paid.
pub(crate) async fn served(deal: &Deal, answer: &Value, version: u8) {
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["body"]["sold"], "/paid", "{answer}");
    assert_eq!(answer["paymentStatus"], "settled", "{answer}");
    let receipt = &answer["header"];
    assert_eq!(receipt["success"], true);
    assert_eq!(receipt["transaction"], deal.paid_by().await, "the receipt names the one transaction");
    let payer = receipt["payer"].as_str().unwrap();
    assert!(payer.eq_ignore_ascii_case(deal.payer.address()), "{answer}");
    assert!(answer["cache"].as_str().is_some_and(|cache| cache.contains("private")), "{answer}");
    let record = &answer["record"];
    assert_eq!(record["asked"]["x402Version"], version);
    assert_eq!(record["sent"]["x402Version"], version);
    if version == 2 {
        assert_eq!(receipt["network"], deal.network());
        assert_eq!(record["settled"], *receipt, "its own record of the receipt");
        assert_eq!(answer["names"], serde_json::json!(["payment-response"]));
    } else {
        let name = if deal.chain.id() == tollway_interop::BASE { "base" } else { "base-sepolia" };
        assert_eq!(receipt["network"], name);
        assert_eq!(answer["names"], serde_json::json!(["x-payment-response"]));
    }
}

/// It was refused before anything was settled, and understood why.
pub(crate) async fn refused(deal: &Deal, answer: &Value, version: u8, code: &str) {
    assert_eq!(answer["status"], 402, "{answer}");
    assert_eq!(answer["paymentStatus"], "payment_required", "{answer}");
    assert_eq!(answer["header"]["error"], code, "{answer}");
    assert_eq!(answer["header"]["x402Version"], version, "{answer}");
    assert!(!answer["header"]["accepts"].as_array().unwrap().is_empty(), "{answer}");
    if version == 2 {
        assert_eq!(answer["record"]["refused"]["error"], code, "its own record of the refusal");
    }
    assert_eq!(answer["cache"], "no-store");
    deal.unpaid().await;
}

/// Settling failed after the handler ran, and it knows that it was not served.
pub(crate) async fn unsettled(deal: &Deal, answer: &Value, code: &str) {
    assert_eq!(answer["status"], 402, "{answer}");
    assert_eq!(answer["paymentStatus"], "settle_failed", "{answer}");
    assert_eq!(answer["header"]["success"], false, "{answer}");
    assert_eq!(answer["header"]["errorReason"], code, "{answer}");
    assert!(answer["body"]["sold"].is_null(), "what was not paid for is not served: {answer}");
    deal.unserved().await;
}
