use crate::naive::{self, DEPTH_MAX, Members};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use tollway_core::wire::{SettleResponse, header, read_requirement};
use tollway_core::{Blame, Code, Json, Next, Requirement, Version};
use tollway_evm::FAMILY;
use tollway_http::codec::{self, Limits};

/// `/settle`'s answer, as a receipt header brings it.
pub fn settlement_header(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(json) = Json::parse(text) else { return };
    if naive::depth(data) > DEPTH_MAX {
        return;
    }
    for version in [Version::V1, Version::V2] {
        carried(&json, version);
    }
    let Ok(answer) = codec::settle_response(&json) else { return };
    if let Some(members) = Members::of(text) {
        says(&answer, &members);
    }
    written(&answer);
    for version in [Version::V1, Version::V2] {
        judged(&answer, &requirement(version));
    }
}

/// A header holds what the body holds.
fn carried(json: &Json, version: Version) {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from(codec::encode(json)).expect("base64 fits a header");
    headers.insert(header::receipt(version), value);
    let limits = Limits::DEFAULT;
    let Ok(found) = codec::read_receipt(&headers, &limits) else {
        let long = codec::encode(json).len() > limits.receipt_bytes;
        let deep = naive::depth(json.as_str().as_bytes()) > limits.depth;
        assert!(long || deep || codec::settle_response(json).is_err());
        return;
    };
    assert_eq!(found, Some((version, codec::settle_response(json).expect("it was read from a header"))));
}

/// Camel case, or else snake case; nothing is made up.
fn says(answer: &SettleResponse, members: &Members) {
    assert_eq!(Some(&Value::Bool(answer.success)), members.get("success"));
    let word = |key: &str| members.str(key).unwrap_or_default().to_owned();
    assert_eq!((&answer.transaction, &answer.network), (&word("transaction"), &word("network")));
    assert_eq!(answer.payer.clone().unwrap_or_default(), word("payer"));
    assert_eq!(answer.amount.clone().unwrap_or_default(), word("amount"));
    let reason = members.str("errorReason").or_else(|| members.str("error_reason"));
    assert_eq!(answer.error_reason, reason.map(Code::from_wire));
    assert_eq!(answer.extra.as_ref().map(Json::value).as_ref(), members.get("extra"));
}

fn written(answer: &SettleResponse) {
    let mut headers = HeaderMap::new();
    codec::write_receipt(&mut headers, Version::V2, answer).expect("it fits a header");
    let Ok(found) = codec::read_receipt(&headers, &Limits::DEFAULT) else {
        let json = Json::of(answer);
        let long = codec::encode(&json).len() > Limits::DEFAULT.receipt_bytes;
        assert!(long || naive::depth(json.as_str().as_bytes()) > Limits::DEFAULT.depth);
        return;
    };
    let full = |json: &Option<Json>| json.clone().filter(|json| !json.is_empty());
    let (_, read) = found.expect("it was set");
    let (extra, extensions) = (full(&answer.extra), full(&answer.extensions));
    assert_eq!(read, SettleResponse { extra, extensions, ..answer.clone() });
}

fn requirement(version: Version) -> Requirement {
    let text = r#"{"scheme":"exact","network":"eip155:84532","amount":"10000","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x00000000000000000000000000000000000000Ee","maxTimeoutSeconds":60}"#;
    read_requirement(&Json::parse(text).expect("JSON"), version, &[FAMILY]).expect("an entry")
}

/// What an answer means: success is for this network and an amount; where money may have moved, nothing invites to pay
/// again.
fn judged(answer: &SettleResponse, requirement: &Requirement) {
    let judged = answer.receipt(requirement, &[FAMILY]);
    let named = [requirement.chain.as_str(), "base-sepolia", ""].contains(&answer.network.as_str());
    match judged {
        Ok(receipt) => {
            assert!(answer.success && named);
            assert_eq!(
                (receipt.chain, receipt.charged.asset),
                (requirement.chain, requirement.price.asset())
            );
            let amount = answer.amount.clone().unwrap_or_else(|| requirement.price.atomic().to_string());
            assert_eq!(receipt.charged.atomic.to_string(), amount);
            assert_eq!(receipt.transaction().map_or("", |tx| &tx.0), answer.transaction);
            let again = SettleResponse::of_receipt(&receipt, Version::V2, &[FAMILY]);
            assert_eq!(again.receipt(requirement, &[FAMILY]).as_ref(), Ok(&receipt));
        }
        Err(e) if answer.success => {
            assert_eq!(e.code, Code::ReceiptMismatch);
            assert!(
                matches!(&e.next, Next::Unknown(tx) if tx.as_ref().map_or("", |t| &t.0) == answer.transaction)
            );
            let digits = |a: &String| a.bytes().all(|b| b.is_ascii_digit());
            assert!(
                !named
                    || answer
                        .amount
                        .as_ref()
                        .is_some_and(|a| !digits(a) || a.len() > 38 || a.starts_with('0'))
            );
        }
        Err(e) => {
            // Final is a verdict on the payment; the settler's own trouble may pass.
            match &e.next {
                Next::Unknown(_) | Next::Prepare => {}
                Next::Never => assert!(e.code.is_verdict() && e.blame == Blame::Payer, "{e:?}"),
                next => {
                    assert_eq!((next, e.blame, e.code.is_verdict()), (&Next::Later, Blame::Settler, false))
                }
            }
            assert!(answer.transaction.is_empty() || matches!(e.next, Next::Unknown(Some(_))), "{e:?}");
            let told = SettleResponse::of_error(&e, requirement, &[FAMILY]);
            assert_eq!((told.success, &told.transaction), (false, &answer.transaction));
            let open = |e: &tollway_core::Error| matches!(e.next, Next::Unknown(_));
            assert_eq!(open(&told.failure()), open(&e), "{e:?}");
        }
    }
}
