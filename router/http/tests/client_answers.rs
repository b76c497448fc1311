//! What every answer to a paid request means: one row per rule, each with the row beside it that is taken otherwise.
#![cfg(feature = "client")]

mod client_kit;

use client_kit::*;
use tollway_core::{Code, Next};
use tollway_http::client::{PaidResponse, PayError, Standing};

/// What came of it, in few words.
#[derive(Debug, Clone, PartialEq)]
enum Got {
    Paid(u16),
    Unsettled(u16, Code, bool),
    Undelivered,
    Failed(Code, bool),
}
use Got::*;

fn got(result: Result<PaidResponse, PayError>) -> Got {
    match result {
        Ok(PaidResponse { response, standing: Standing::Paid(paid) }) => {
            assert!(paid.delivered);
            Paid(response.status().as_u16())
        }
        Ok(PaidResponse { response, standing: Standing::Unsettled(e) }) => {
            Unsettled(response.status().as_u16(), e.code.clone(), e.is_unknown_outcome())
        }
        Ok(other) => panic!("{other:?}"),
        Err(PayError::Undelivered(lost)) => {
            assert!(!lost.paid.delivered);
            Undelivered
        }
        Err(e) => Failed(e.error().code.clone(), e.error().is_unknown_outcome()),
    }
}

fn told(status: u16, response: &tollway_core::wire::SettleResponse) -> Act {
    Act::new(status).header("PAYMENT-RESPONSE", &encoded(response)).body("told")
}

/// The answer; what it means while the chain knows nothing; what it means when the chain says settled.
fn rows() -> Vec<(&'static str, Act, Got, Got)> {
    let ok = success();
    let other = |network: &str, amount: &str| tollway_core::wire::SettleResponse {
        network: network.to_owned(),
        amount: Some(amount.to_owned()),
        ..success()
    };
    let again =
        |status, error| Act::new(status).header("PAYMENT-REQUIRED", &terms(PRICE, Some(error))).body("{}");
    let both = told(402, &failure("insufficient_funds")).header("PAYMENT-REQUIRED", &terms(PRICE + 1, None));
    let rs = r#"{"error":"Settlement failed","details":"reverted"}"#;
    vec![
        ("receipt", told(200, &ok), Paid(200), Paid(200)),
        ("v1 receipt", Act::new(200).header("X-PAYMENT-RESPONSE", &encoded(&ok)), Paid(200), Paid(200)),
        ("handler failed after upfront", told(500, &ok), Paid(500), Paid(500)),
        ("see other", told(303, &ok).header("location", "/elsewhere"), Paid(303), Paid(303)),
        ("402 that took the money", told(402, &ok), Undelivered, Undelivered),
        ("no receipt", Act::new(200), Unsettled(200, Code::InvalidAnswer, true), Paid(200)),
        (
            "another network",
            told(200, &other("test:2", "10000")),
            Unsettled(200, Code::ReceiptMismatch, true),
            Paid(200),
        ),
        (
            "another amount",
            told(200, &other(CHAIN, "10001")),
            Unsettled(200, Code::ReceiptMismatch, true),
            Paid(200),
        ),
        (
            "no amount",
            told(200, &other(CHAIN, "a lot")),
            Unsettled(200, Code::ReceiptMismatch, true),
            Paid(200),
        ),
        (
            "unreadable receipt",
            Act::new(200).header("PAYMENT-RESPONSE", "%%%"),
            Unsettled(200, Code::InvalidAnswer, true),
            Paid(200),
        ),
        (
            "settlement failed",
            told(402, &failure("insufficient_funds")),
            Failed(Code::InsufficientFunds, false),
            Failed(Code::InsufficientFunds, false),
        ),
        (
            "settlement failed, before the challenge beside it",
            both,
            Failed(Code::InsufficientFunds, false),
            Failed(Code::InsufficientFunds, false),
        ),
        (
            "settlement pending",
            told(402, &failure("settlement_pending")),
            Failed(Code::SettlementPending, true),
            Undelivered,
        ),
        (
            "unexpected",
            told(402, &failure("unexpected_settle_error")),
            Failed(Code::UnexpectedSettleError, true),
            Undelivered,
        ),
        ("x402-rs", Act::new(402).json(rs), Failed(Code::UnexpectedSettleError, true), Undelivered),
        (
            "verify failed",
            again(402, "invalid_exact_evm_payload_signature"),
            Failed(Code::InvalidSignature, false),
            Failed(Code::InvalidSignature, false),
        ),
        ("used by somebody", again(402, "nonce_already_used"), Failed(Code::NonceUsed, true), Undelivered),
        (
            "412",
            again(412, "permit2_allowance_required"),
            Failed(Code::AllowanceRequired, false),
            Failed(Code::AllowanceRequired, false),
        ),
        (
            "402 with two challenges",
            again(402, "a").header("PAYMENT-REQUIRED", "e30="),
            Failed(Code::InvalidHeader, true),
            Undelivered,
        ),
        ("not found", Act::new(404), Unsettled(404, Code::InvalidAnswer, true), Paid(404)),
        ("handler failed", Act::new(500), Unsettled(500, Code::InvalidAnswer, true), Paid(500)),
        ("conflict", Act::new(409), Unsettled(409, Code::InvalidAnswer, true), Paid(409)),
        (
            "redirect",
            Act::new(307).header("location", "http://127.0.0.2:9/"),
            Unsettled(307, Code::InvalidAnswer, true),
            Paid(307),
        ),
        ("gateway", Act::new(502), Unsettled(502, Code::Unreachable, true), Undelivered),
    ]
}

#[tokio::test]
async fn every_answer() {
    for (name, act, open, settled) in rows() {
        for (chain, expected) in [(false, &open), (true, &settled)] {
            let answer = act.clone();
            let server = shop(move |_| answer.clone()).await;
            let (client, wallet) = client();
            if chain {
                wallet.chain_says_settled();
            }
            let found = got(client.get(server.url()).await);
            assert_eq!(&found, expected, "{name}, chain says settled: {chain}");
            assert_eq!(wallet.signatures(), 1, "{name}");
            let payments = server.payments();
            assert!(payments.iter().all(|p| *p == payments[0]), "{name}: one signature, the same bytes");
        }
    }
}

#[tokio::test]
async fn a_correction_is_signed_once_more_and_no_further() {
    for (corrections, expected, signatures) in
        [(1, Paid(200), 2), (2, Failed(Code::Other("dearer".into()), false), 2)]
    {
        let server = shop(move |n| match n {
            n if n < corrections => {
                let amount = PRICE + 1 + u128::try_from(n).unwrap();
                Act::new(402).header("PAYMENT-REQUIRED", &terms(amount, Some("dearer")))
            }
            _ => {
                let told = tollway_core::wire::SettleResponse { amount: None, ..success() };
                Act::new(200).header("PAYMENT-RESPONSE", &encoded(&told))
            }
        })
        .await;
        let (client, wallet) = client();
        let result = client.get(server.url()).await;
        if let Ok(answer) = &result {
            assert!(answer.paid().unwrap().corrected);
        }
        assert_eq!(got(result), expected);
        assert_eq!(wallet.signatures(), signatures);
    }
}

#[tokio::test]
async fn what_is_handed_over_is_whole() {
    let server = shop(|_| serves().header("x-mine", "1")).await;
    let (client, _) = client();
    let answer = client.get(server.url()).await.unwrap();
    assert_eq!(answer.response.url().as_str(), server.url());
    assert_eq!(answer.response.headers()["x-mine"], "1");
    assert_eq!(answer.response.content_length(), Some(7));
    assert_eq!(answer.paid().unwrap().receipt.transaction().unwrap().0, "tx1");
    assert_eq!(answer.response.text().await.unwrap(), "content");
    assert_eq!(server.connections(), 1, "the 402's connection carries the payment");
}

#[tokio::test]
async fn a_looked_into_body_is_handed_over_whole_too() {
    let long = format!("{{\"error\":\"{}\"}}", "x".repeat(40_000));
    let body = long.clone();
    let server = shop(move |_| Act::new(409).json(&body)).await;
    let (client, _) = client();
    let answer = client.get(server.url()).await.unwrap();
    assert_eq!(answer.response.content_length(), Some(u64::try_from(long.len()).unwrap()));
    assert_eq!(answer.response.text().await.unwrap(), long);
}

#[tokio::test]
async fn an_unknown_outcome_advises_the_chain() {
    let server = shop(|_| Act::new(402)).await;
    let (client, _) = client();
    let e = client.get(server.url()).await.unwrap_err();
    assert!(matches!(e.error().next, Next::Unknown(_)));
    assert_eq!(client.router().attempts().await.unwrap().len(), 1, "it stays journaled");
}
