//! What a node's answer to a transaction means for it.
//!
//! The one distinction that matters: an answer is *definite* only when it proves that the node did not take the
//! transaction. Everything that is not known to be a refusal counts as "it may have arrived".

use crate::receipt::RawReceipt;
use crate::rpc::{Refusal, RpcFault};
use tollway_core::{Blame, Code, Error, Next};

/// What came back from a submission.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is in a block.
    Mined(Box<RawReceipt>),
    /// The node has it.
    Accepted,
    /// Its nonce is used up: by itself, or by another transaction.
    NonceTooLow,
    /// The node did not take it, and says why. Nothing was sent.
    Refused(Error),
    /// Another transaction holds its nonce in the pool. Nothing was sent.
    Taken,
    /// It may or may not have arrived, or it may not be taken yet: the same bytes again, later.
    Doubt,
    /// The node answered with an error that nobody knows: most likely a refusal, but not provably one.
    Strange(Error),
    /// The node does not know the method.
    NoSuchMethod,
}

impl Verdict {
    /// Of a failed submission.
    pub(super) fn of(fault: &RpcFault, place: &str) -> Self {
        match fault {
            // It never left: as definite as a refusal.
            RpcFault::NotSent => Self::Refused(fault.error("eth_sendRawTransaction", place)),
            RpcFault::Refused(no) => Self::of_refusal(no, place),
            _ => Self::Doubt,
        }
    }

    fn of_refusal(no: &Refusal, place: &str) -> Self {
        let words = no.message.to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|part| words.contains(part));
        // "Unknown transaction type" has the one in it, and means the contrary.
        if (says(KNOWN) && !says(&["unknown transaction"])) || no.code == TIMED_OUT_AFTER_POOLING {
            return Self::Accepted;
        }
        if no.code == -32601 || says(NO_METHOD) {
            return Self::NoSuchMethod;
        }
        if says(NONCE_LOW) {
            return Self::NonceTooLow;
        }
        if says(TAKEN) {
            return Self::Taken;
        }
        let refused = |code, blame, next| {
            let words = format!("{place} refused the transaction: {} (code {})", no.message, no.code);
            Self::Refused(Error::new(code, blame, next).detail(words))
        };
        if says(POOR) {
            // Not `InsufficientFunds`: on the wire that says that the payer has too little.
            return refused(Code::UnexpectedSettleError, Blame::Settler, Next::Later);
        }
        if says(CHEAP) {
            return refused(Code::RpcRefused, Blame::Network, Next::Later);
        }
        if says(NEVER) {
            return refused(Code::RpcRefused, Blame::Us, Next::Never);
        }
        if says(REVERTS) {
            return refused(Code::SimulationFailed, Blame::Network, Next::Never);
        }
        if says(EARLY) {
            return Self::Doubt;
        }
        match refused(Code::RpcRefused, Blame::Network, Next::Later) {
            Self::Refused(error) => Self::Strange(error),
            other => other,
        }
    }
}

/// EIP-7966: the transaction was pooled and was not mined in time.
const TIMED_OUT_AFTER_POOLING: i64 = 4;
const KNOWN: &[&str] = &[
    "already known",
    "already imported",
    "alreadyknown",
    "known transaction",
    "already exists",
    "already in pool",
];
const NO_METHOD: &[&str] = &[
    "method not found",
    "method not supported",
    "does not exist/is not available",
    "unknown method",
    "not whitelisted",
    "unsupported method",
    "method is not available",
    "rpc method",
];
const NONCE_LOW: &[&str] = &["nonce too low", "nonce is too low", "oldnonce", "nonce has already been used"];
const EARLY: &[&str] =
    &["nonce too high", "nonce gap", "gapped nonce", "queued", "internal error", "timeout", "timed out"];
const TAKEN: &[&str] =
    &["replacement transaction underpriced", "could not replace", "transaction replacement"];
const POOR: &[&str] = &["insufficient funds", "insufficient balance", "doesn't have enough funds"];
const CHEAP: &[&str] = &[
    "underpriced",
    "less than block base fee",
    "fee too low",
    "gas price too low",
    "below base fee",
    "lower than the base fee",
    "txpool is full",
    "transaction pool is full",
];
const NEVER: &[&str] = &[
    "intrinsic gas too low",
    "exceeds block gas limit",
    "intrinsic gas too high",
    "gas limit too high",
    "exceeds the configured cap",
    "gas limit cap",
    "oversized data",
    "invalid chain id",
    "chain id mismatch",
    "invalid sender",
    "invalid signature",
    "transaction type not supported",
    "priority fee per gas higher than max fee",
];
const REVERTS: &[&str] = &["execution reverted", "always failing transaction"];

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: i64, message: &str) -> Verdict {
        Verdict::of(&RpcFault::Refused(Refusal { code, message: message.into(), revert: None }), "node")
    }

    #[test]
    fn the_words_of_real_nodes_are_understood() {
        assert!(matches!(verdict(-32000, "already known"), Verdict::Accepted));
        assert!(matches!(verdict(-32003, "transaction already imported"), Verdict::Accepted));
        assert!(matches!(
            verdict(4, "The transaction was added to the mempool but wasn't processed"),
            Verdict::Accepted
        ));
        assert!(matches!(verdict(-32003, "nonce too low"), Verdict::NonceTooLow));
        assert!(matches!(verdict(-32000, "replacement transaction underpriced"), Verdict::Taken));
        assert!(matches!(verdict(-32601, "Method not found"), Verdict::NoSuchMethod));
        assert!(
            matches!(verdict(-32000, "insufficient funds for gas * price + value"), Verdict::Refused(e) if e.code == Code::UnexpectedSettleError)
        );
        assert!(
            matches!(verdict(-32000, "transaction underpriced"), Verdict::Refused(e) if e.next == Next::Later)
        );
        assert!(matches!(
            verdict(-32000, "max fee per gas less than block base fee: address 0x…"),
            Verdict::Refused(_)
        ));
        assert!(
            matches!(verdict(-32000, "intrinsic gas too low"), Verdict::Refused(e) if e.next == Next::Never)
        );
    }

    #[test]
    fn what_nobody_understands_is_never_taken_for_a_refusal() {
        assert!(matches!(verdict(-32000, "nonce too high"), Verdict::Doubt));
        assert!(matches!(verdict(-32603, "Internal error"), Verdict::Doubt));
        assert!(matches!(verdict(-32000, "the moon is in the wrong house"), Verdict::Strange(_)));
        assert!(matches!(verdict(-32000, "unknown transaction type"), Verdict::Strange(_)), "not \"known\"");
        for fault in [
            RpcFault::Lost("x"),
            RpcFault::Silent,
            RpcFault::Throttled,
            RpcFault::Status(502),
            RpcFault::Garbled("x".into()),
        ] {
            assert!(matches!(Verdict::of(&fault, "node"), Verdict::Doubt));
        }
        assert!(
            matches!(Verdict::of(&RpcFault::NotSent, "node"), Verdict::Refused(e) if e.next == Next::Later)
        );
    }
}
