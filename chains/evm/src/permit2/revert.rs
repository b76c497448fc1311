//! What the reverts of the proxies, of Permit2 and of tokens mean.

use alloy::primitives::{Bytes, Selector};
use alloy::sol_types::{Revert, SolError};
use tollway_core::{Blame, Code, Error, Next};

/// Permit2's own errors. Source: Permit2, `PermitErrors`, `SignatureTransfer`, `SignatureVerification`.
mod permit2 {
    alloy::sol! {
        error SignatureExpired(uint256 signatureDeadline);
        error InvalidNonce();
        error InvalidAmount(uint256 maxAmount);
        error InvalidSignatureLength();
        error InvalidSignature();
        error InvalidSigner();
        error InvalidContractSignature();
    }
}

/// The proxies' errors. Source: x402's published interface of both.
mod proxy {
    alloy::sol! {
        error InvalidAmount();
        error InvalidDestination();
        error InvalidOwner();
        error InvalidPermit2Address();
        error PaymentTooEarly();
        error Permit2612AmountMismatch();
        error ReentrancyGuardReentrantCall();
        error AmountExceedsPermitted();
        error UnauthorizedFacilitator();
    }
}

type Meaning = (Selector, Code, Next, &'static str);

/// By selector: what it means, what to do, in words.
const MEANINGS: &[Meaning] = &[
    (Selector::new(permit2::SignatureExpired::SELECTOR), Code::Expired, Next::Never, "the deadline is over"),
    (Selector::new(permit2::InvalidNonce::SELECTOR), Code::NonceUsed, Next::Never, "the nonce is used"),
    (
        Selector::new(permit2::InvalidAmount::SELECTOR),
        Code::ChargeExceedsCeiling,
        Next::Never,
        "more than was permitted",
    ),
    (
        Selector::new(permit2::InvalidSignatureLength::SELECTOR),
        Code::InvalidSignature,
        Next::Never,
        "a signature of the wrong length",
    ),
    (
        Selector::new(permit2::InvalidSignature::SELECTOR),
        Code::InvalidSignature,
        Next::Never,
        "nobody's signature",
    ),
    (
        Selector::new(permit2::InvalidSigner::SELECTOR),
        Code::InvalidSignature,
        Next::Never,
        "another's signature",
    ),
    (
        Selector::new(permit2::InvalidContractSignature::SELECTOR),
        Code::InvalidSignature,
        Next::Never,
        "the payer's account has code and does not confirm the signature",
    ),
    (Selector::new(proxy::InvalidAmount::SELECTOR), Code::InvalidAmount, Next::Never, "an amount of nothing"),
    (
        Selector::new(proxy::InvalidDestination::SELECTOR),
        Code::InvalidDestination,
        Next::Never,
        "the payee is the zero address",
    ),
    (
        Selector::new(proxy::InvalidOwner::SELECTOR),
        Code::InvalidOwner,
        Next::Never,
        "the payer is the zero address",
    ),
    (
        Selector::new(proxy::InvalidPermit2Address::SELECTOR),
        Code::ProxyNotDeployed,
        Next::OtherRoute,
        "the proxy knows no Permit2",
    ),
    (
        Selector::new(proxy::PaymentTooEarly::SELECTOR),
        Code::NotYetValid,
        Next::Later,
        "validAfter is to come",
    ),
    (
        Selector::new(proxy::Permit2612AmountMismatch::SELECTOR),
        Code::Eip2612AmountMismatch,
        Next::Never,
        "the EIP-2612 permit is for another amount than the Permit2 permit",
    ),
    (
        Selector::new(proxy::ReentrancyGuardReentrantCall::SELECTOR),
        Code::SimulationFailed,
        Next::OtherRoute,
        "the token calls the proxy back",
    ),
    (
        Selector::new(proxy::AmountExceedsPermitted::SELECTOR),
        Code::ChargeExceedsCeiling,
        Next::Never,
        "more than was permitted",
    ),
    (
        Selector::new(proxy::UnauthorizedFacilitator::SELECTOR),
        Code::FacilitatorMismatch,
        Next::Never,
        "the witness names another facilitator than the sender",
    ),
];

/// What a revert of `settle`, or of its simulation, means. Words of a contract are quoted only as far as they are
/// plain text.
pub fn refusal(revert: &Bytes) -> Error {
    if let Ok(Revert { reason }) = Revert::abi_decode(revert) {
        return by_words(&reason);
    }
    let selector = revert.get(..4).map(Selector::from_slice);
    if let Some((_, code, next, words)) = MEANINGS.iter().find(|(s, ..)| selector == Some(*s)) {
        let blame = if *code == Code::ProxyNotDeployed { Blame::Payee } else { Blame::Payer };
        return Error::new(code.clone(), blame, next.clone()).detail(*words);
    }
    let selector = selector.unwrap_or_default();
    Error::payer(Code::SimulationFailed)
        .next(Next::OtherRoute)
        .detail(format!("refused without words (error selector {selector})"))
}

/// Permit2 hides every refusal of the token behind one word; other words come from contracts that are called directly.
fn by_words(reason: &str) -> Error {
    let words: String = reason.chars().filter(|c| !c.is_control()).take(120).collect();
    let low = reason.to_ascii_lowercase();
    let failed = Error::payer(Code::SimulationFailed).next(Next::OtherRoute);
    if low.contains("transfer_from_failed") {
        return failed.detail(
            "the token refuses to move the money although balance and allowance would do: it may be paused, or payer \
             or payee blocked by the issuer",
        );
    }
    if low.contains("exceeds balance") {
        return Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
            .detail(format!("the token says {words:?}"));
    }
    failed.detail(format!("the contract says {words:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{U256, hex, keccak256};

    #[test]
    fn each_refusal_has_its_code() {
        let code = |revert: Vec<u8>| refusal(&revert.into()).code;
        assert_eq!(
            code(permit2::SignatureExpired { signatureDeadline: U256::from(1) }.abi_encode()),
            Code::Expired
        );
        assert_eq!(code(permit2::InvalidNonce {}.abi_encode()), Code::NonceUsed);
        assert_eq!(code(permit2::InvalidSigner {}.abi_encode()), Code::InvalidSignature);
        assert_eq!(
            code(permit2::InvalidAmount { maxAmount: U256::ZERO }.abi_encode()),
            Code::ChargeExceedsCeiling
        );
        assert_eq!(
            code(proxy::InvalidAmount {}.abi_encode()),
            Code::InvalidAmount,
            "another error of that name"
        );
        assert_eq!(code(proxy::PaymentTooEarly {}.abi_encode()), Code::NotYetValid);
        assert_eq!(code(proxy::Permit2612AmountMismatch {}.abi_encode()), Code::Eip2612AmountMismatch);
        assert_eq!(code(proxy::UnauthorizedFacilitator {}.abi_encode()), Code::FacilitatorMismatch);
        assert_eq!(code(Revert::from("TRANSFER_FROM_FAILED").abi_encode()), Code::SimulationFailed);
        assert_eq!(code(vec![0xde, 0xad, 0xbe, 0xef]), Code::SimulationFailed);
        assert_eq!(code(vec![]), Code::SimulationFailed);
    }

    #[test]
    fn selectors_are_those_of_the_published_names() {
        for name in
            ["InvalidNonce()", "SignatureExpired(uint256)", "InvalidAmount()", "InvalidAmount(uint256)"]
        {
            let selector = Selector::from_slice(&keccak256(name)[..4]);
            assert!(MEANINGS.iter().any(|(s, ..)| *s == selector), "{name} {}", hex::encode(selector));
        }
        let mut all: Vec<_> = MEANINGS.iter().map(|(s, ..)| *s).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), MEANINGS.len(), "no two alike");
    }

    #[test]
    fn what_a_contract_says_is_bounded_and_plain() {
        let long = Revert::from("x\u{1b}[31m".repeat(1_000)).abi_encode();
        let e = refusal(&long.into());
        assert!(e.detail.len() < 400 && !e.detail.contains('\u{1b}'), "{e}");
    }
}
