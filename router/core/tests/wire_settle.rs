//! Settlement answers and reason codes of every SDK.

mod common;

use common::{FAMILIES, V1, V2, assert_bare, json, requirement};
use tollway_core::wire::SettleResponse;
use tollway_core::{Blame, Code, Json, Landed, Next, Version};

#[test]
fn each_dialects_word_is_the_same_code() {
    let table: &[(Code, &[&str])] = &[
        (
            Code::InvalidSignature,
            &["invalid_exact_evm_payload_signature", "invalid_exact_evm_signature", "invalid_signature"],
        ),
        (
            Code::RecipientMismatch,
            &[
                "invalid_exact_evm_payload_recipient_mismatch",
                "invalid_exact_evm_recipient_mismatch",
                "recipient_mismatch",
            ],
        ),
        (
            Code::InsufficientFunds,
            &[
                "insufficient_funds",
                "invalid_exact_evm_insufficient_balance",
                "invalid_exact_evm_insufficient_funds",
            ],
        ),
        (
            Code::ValueMismatch,
            &["invalid_exact_evm_payload_authorization_value_mismatch", "invalid_payment_amount"],
        ),
        (
            Code::NotYetValid,
            &["invalid_exact_evm_payload_authorization_valid_after", "invalid_payment_early"],
        ),
        (Code::Expired, &["invalid_exact_evm_payload_authorization_valid_before", "invalid_payment_expired"]),
        (Code::NonceUsed, &["invalid_exact_evm_nonce_already_used", "nonce_already_used"]),
        (
            Code::SimulationFailed,
            &["invalid_exact_evm_transaction_simulation_failed", "transaction_simulation"],
        ),
        (
            Code::TransactionFailed,
            &["invalid_transaction_state", "invalid_exact_evm_transaction_failed", "transaction_failed"],
        ),
        (Code::UnexpectedSettleError, &["unexpected_settle_error", "unexpected_error"]),
        (Code::UnexpectedVerifyError, &["unexpected_verify_error"]),
        (Code::ChargeExceedsCeiling, &["invalid_upto_evm_payload_settlement_exceeds_amount"]),
        (Code::DuplicateSettlement, &["duplicate_settlement"]),
        (Code::SettlementPending, &["settlement_pending"]),
        (Code::AllowanceRequired, &["permit2_allowance_required"]),
        (Code::ExtensionEchoMismatch, &["extension_echo_mismatch"]),
        (Code::InvalidNetwork, &["invalid_network", "invalid_exact_evm_network_mismatch"]),
        (Code::InvalidScheme, &["invalid_scheme", "invalid_exact_evm_scheme"]),
        (Code::UnsupportedScheme, &["unsupported_scheme"]),
        (Code::InvalidPayload, &["invalid_payload"]),
        (Code::InvalidPaymentRequirements, &["invalid_payment_requirements"]),
        (Code::InvalidX402Version, &["invalid_x402_version"]),
        (Code::MissingDomain, &["invalid_exact_evm_missing_eip712_domain"]),
        (Code::AssetNotDeployed, &["asset_not_deployed_contract"]),
        (Code::FactoryNotAllowed, &["eip6492_factory_not_allowed"]),
        (Code::DeploymentFailed, &["smart_wallet_deployment_failed"]),
    ];
    for (code, words) in table {
        for word in *words {
            assert_eq!(Code::from_wire(word), *code, "{word}");
        }
        assert_eq!(Code::from_wire(code.as_str()), *code, "what goes out comes back");
    }
    // The specification's own words go out as they are (spec §9).
    for word in [
        "insufficient_funds",
        "invalid_exact_evm_payload_authorization_valid_after",
        "invalid_exact_evm_payload_authorization_valid_before",
        "invalid_exact_evm_payload_authorization_value_mismatch",
        "invalid_exact_evm_payload_signature",
        "invalid_exact_evm_payload_recipient_mismatch",
        "invalid_network",
        "invalid_payload",
        "invalid_payment_requirements",
        "invalid_scheme",
        "unsupported_scheme",
        "invalid_x402_version",
        "invalid_transaction_state",
        "unexpected_verify_error",
        "unexpected_settle_error",
        "settlement_pending",
    ] {
        assert_eq!(Code::from_wire(word).as_str(), word);
    }
}

#[test]
fn unknown_words_are_kept_and_bounded() {
    assert_eq!(Code::from_wire("payer_is_cursed"), Code::Other("payer_is_cursed".into()));
    assert_eq!(Code::from_wire("").as_str(), "");
    assert_eq!(Code::from_wire(&"é".repeat(1 << 20)).as_str(), "é".repeat(64));
    let odd: Code = serde_json::from_str(r#""payer_is_c\u0075rsed""#).unwrap();
    assert_eq!(odd, Code::Other("payer_is_cursed".into()));
}

#[test]
fn settle_answers_read_in_every_dialect() {
    let r = requirement(V2).unwrap();
    let receipt = |text: &str| json(text).read::<SettleResponse>().unwrap().receipt(&r, FAMILIES);
    let full = receipt(
        r#"{"success":true,"payer":"0xAB","transaction":"0xfe","network":"eip155:8453","amount":"7","errorReason":null,"extra":{"k":1},"extensions":null,"asset":"x"}"#,
    )
    .unwrap();
    assert_eq!(full.charged.atomic, 7);
    assert_eq!(full.transaction().unwrap().0, "0xfe");
    assert_eq!(full.payer.unwrap().address(), "0xab");
    assert_eq!(full.extra.map()["k"], 1);
    // Without an amount it was the price; without a payer or network it is still a receipt.
    let bare = receipt(r#"{"success":true,"transaction":"0xfe","network":"","payer":""}"#).unwrap();
    assert_eq!((bare.charged.atomic, bare.payer), (10_000, None));
    assert_eq!(receipt(r#"{"success":true,"transaction":"0xfe","network":"base"}"#).unwrap().chain, r.chain);
    assert_eq!(
        receipt(r#"{"success":true,"transaction":"","network":"base"}"#).unwrap().landed,
        Landed::Nothing
    );
    // Another network's receipt is not ours, and money may have moved there.
    let wrong = receipt(r#"{"success":true,"transaction":"0xfe","network":"eip155:84532"}"#).unwrap_err();
    assert_eq!(wrong.code, Code::ReceiptMismatch);
    assert!(wrong.is_unknown_outcome());
}

#[test]
fn a_success_that_cannot_be_read_is_an_unknown_outcome() {
    let r = requirement(V2).unwrap();
    for amount in ["-1", "1e9", "1.5", "x", "01"] {
        let text = format!(r#"{{"success":true,"transaction":"0xfe","network":"base","amount":"{amount}"}}"#);
        let error = json(&text).read::<SettleResponse>().unwrap().receipt(&r, FAMILIES).unwrap_err();
        assert!(error.is_unknown_outcome(), "it settled, whatever it says it took: {error}");
    }
}

#[test]
fn settle_failures_say_what_to_do() {
    let r = requirement(V2).unwrap();
    let failed = |text: &str| json(text).read::<SettleResponse>().unwrap().receipt(&r, FAMILIES).unwrap_err();
    let spent =
        failed(r#"{"success":false,"errorReason":"insufficient_funds","transaction":"","network":"base"}"#);
    assert_eq!(
        (&spent.code, spent.blame, &spent.next),
        (&Code::InsufficientFunds, Blame::Payer, &Next::Never)
    );
    let pending = failed(r#"{"success":false,"errorReason":"settlement_pending","transaction":"0xfe"}"#);
    assert!(matches!(&pending.next, Next::Unknown(Some(tx)) if tx.0 == "0xfe"));
    let allowance = failed(r#"{"success":false,"errorReason":"permit2_allowance_required"}"#);
    assert_eq!(allowance.next, Next::Prepare);
    // x402-rs: nothing but the failure itself.
    let silent = failed(r#"{"success":false,"network":"","payer":"","transaction":null}"#);
    assert!(silent.is_unknown_outcome());
    // A failure that names a transaction broadcast one: its outcome is the chain's to say.
    let reverted = failed(r#"{"success":false,"errorReason":"somebodys_own_word","transaction":"0xfe"}"#);
    assert!(reverted.is_unknown_outcome(), "{reverted}");
    // The reference facilitator's v1, after it has sent: an exception's words, and no transaction.
    let words = r#"Timed out while waiting for transaction with hash \"0xfe\" to be confirmed."#;
    let thrown = failed(&format!(r#"{{"success":false,"errorReason":"{words}","transaction":""}}"#));
    assert!(thrown.is_unknown_outcome(), "{thrown}");
    let long = format!(r#"{{"success":false,"errorMessage":"{}"}}"#, "é".repeat(10_000));
    assert_eq!(failed(&long).detail.chars().count(), 200);
    // What a peer says ends up in logs and on terminals.
    let colourful =
        failed(r#"{"success":false,"errorReason":"a\u001b]0;x\u0007","errorMessage":"b\u001b[2J\n"}"#);
    assert!(!colourful.to_string().contains(char::is_control), "{colourful:?}");
}

#[test]
fn receipts_round_trip_in_both_versions() {
    for text in [V1, V2] {
        let r = requirement(text).unwrap();
        let said = r#"{"success":true,"transaction":"0xfe","network":"eip155:8453","payer":"0xAb","amount":"10000"}"#;
        let receipt = json(said).read::<SettleResponse>().unwrap().receipt(&r, FAMILIES).unwrap();
        let written = SettleResponse::of_receipt(&receipt, r.version, FAMILIES);
        assert_eq!(written.network, if r.version == Version::V1 { "base" } else { "eip155:8453" });
        assert_eq!(written.payer.as_deref(), Some("0xAB"), "spelled as the family emits it");
        assert_bare(&Json::of(&written));
        assert_eq!(
            Json::of(&written).read::<SettleResponse>().unwrap().receipt(&r, FAMILIES).unwrap(),
            receipt
        );
    }
}

#[test]
fn a_code_is_spelled_as_its_chain_is_and_read_as_the_same_code() {
    let on = |chain| tollway_core::ChainId::new(chain).unwrap();
    let (base, solana) = (on("eip155:8453"), on("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"));
    for (code, word) in [
        (Code::InvalidSignature, "invalid_exact_svm_payload_signature_invalid"),
        (Code::RecipientMismatch, "invalid_exact_svm_payload_recipient_mismatch"),
        (Code::ValueMismatch, "invalid_exact_svm_payload_amount_mismatch"),
        (Code::SimulationFailed, "invalid_exact_svm_transaction_simulation_failed"),
        (Code::NotYetValid, "invalid_payment_early"),
        (Code::Expired, "invalid_payment_expired"),
        (Code::NonceUsed, "nonce_already_used"),
        (Code::MemoMismatch, "invalid_exact_svm_payload_memo_mismatch"),
        (Code::InsufficientFunds, "insufficient_funds"),
    ] {
        assert_eq!(code.on(&solana).as_str(), word);
        assert_eq!(Code::from_wire(word), code, "{word}");
        assert_eq!(code.on(&base), code);
    }
    let mut asked = requirement(V2).unwrap();
    asked.chain = solana;
    let refused = tollway_core::Error::payer(Code::InvalidSignature);
    let answer = SettleResponse::of_error(&refused, &asked, FAMILIES);
    let written = Json::of(&answer);
    assert!(written.as_str().contains("invalid_exact_svm_payload_signature_invalid"), "{written:?}");
    let read: SettleResponse = serde_json::from_str(written.as_str()).unwrap();
    assert_eq!(read.failure().code, Code::InvalidSignature);
}
