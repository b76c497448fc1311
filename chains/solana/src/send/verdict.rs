//! What a node's answer to a transaction means for it.
//!
//! The one distinction that matters: an answer is *definite* only when it proves that the node did not pass the
//! transaction on. Everything that is not known to be a refusal counts as "it may have arrived".

use crate::fault::Fault;
use crate::rpc::{Refusal, RpcFault};
use tollway_core::{Blame, Code, Error, Next};

/// What came back from a submission.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The node passed it on, or has it in a block already.
    Accepted,
    /// The node did not pass it on, and says why.
    Refused(Error),
    /// It may or may not have been passed on: the same bytes again, later.
    Doubt,
}

/// A trial before sending failed.
const TRIAL_FAILED: i64 = -32002;
/// A signature does not fit.
const BAD_SIGNATURE: i64 = -32003;
/// The bytes are no transaction that the node can read.
const BAD_PARAMETERS: i64 = -32602;

impl Verdict {
    /// Of a failed submission.
    pub(super) fn of(fault: &RpcFault, place: &str) -> Self {
        match fault {
            // It never left: as definite as a refusal.
            RpcFault::NotSent => Self::Refused(fault.error("sendTransaction", place)),
            RpcFault::Refused(no) => Self::of_refusal(no, place),
            _ => Self::Doubt,
        }
    }

    fn of_refusal(no: &Refusal, place: &str) -> Self {
        let known = no.message.to_ascii_lowercase().contains("already been processed");
        if known || no.fault == Some(Fault::AlreadyProcessed) {
            return Self::Accepted;
        }
        let refused = |code, blame, next| {
            let why = no.fault.as_ref().map_or_else(|| no.message.clone(), Fault::to_string);
            Self::Refused(
                Error::new(code, blame, next).detail(format!("{place} refused the transaction: {why}")),
            )
        };
        match (&no.fault, no.code) {
            // Not `InsufficientFunds`: on the wire that says that the payer has too little.
            (Some(Fault::InsufficientFundsForFee | Fault::AccountNotFound), _) => {
                refused(Code::UnexpectedSettleError, Blame::Settler, Next::Later)
            }
            // Too old, or so new that this node has not seen its block. Nothing was sent, so later may do.
            (Some(Fault::BlockhashNotFound), _) => refused(Code::Expired, Blame::Payer, Next::Later),
            (Some(Fault::SignatureFailure), _) | (_, BAD_SIGNATURE) => {
                refused(Code::InvalidSignature, Blame::Payer, Next::Never)
            }
            (Some(_), _) | (None, TRIAL_FAILED) => refused(Code::SimulationFailed, Blame::Payer, Next::Never),
            (None, BAD_PARAMETERS) => refused(Code::RpcRefused, Blame::Us, Next::Never),
            (None, _) => Self::Doubt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: i64, fault: Option<Fault>, message: &str) -> Verdict {
        Verdict::of(&RpcFault::Refused(Refusal { code, message: message.into(), fault, slot: None }), "node")
    }
    fn code(verdict: Verdict) -> Code {
        match verdict {
            Verdict::Refused(error) => error.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failed_trial_is_definite_and_blames_who_is_to_blame() {
        let words = "Transaction simulation failed";
        let custom = Fault::Instruction { index: 2, custom: Some(1), what: "Custom".into() };
        assert_eq!(code(verdict(-32002, Some(custom), words)), Code::SimulationFailed);
        assert_eq!(code(verdict(-32002, Some(Fault::BlockhashNotFound), words)), Code::Expired);
        assert_eq!(
            code(verdict(-32002, Some(Fault::InsufficientFundsForFee), words)),
            Code::UnexpectedSettleError
        );
        assert_eq!(
            code(verdict(-32003, None, "Transaction signature verification failure")),
            Code::InvalidSignature
        );
        let never_left = Verdict::of(&RpcFault::NotSent, "node");
        assert!(matches!(never_left, Verdict::Refused(error) if error.next == Next::Later));
    }

    #[test]
    fn what_is_there_already_is_no_failure_and_what_nobody_knows_is_in_doubt() {
        let known = verdict(-32002, Some(Fault::AlreadyProcessed), "Transaction simulation failed");
        assert!(matches!(known, Verdict::Accepted));
        let known = verdict(-32002, None, "This transaction has already been processed");
        assert!(matches!(known, Verdict::Accepted));
        assert!(matches!(verdict(-32005, None, "Node is behind by 42 slots"), Verdict::Doubt));
        assert!(matches!(verdict(-32000, None, "something new"), Verdict::Doubt));
        for fault in [RpcFault::Silent, RpcFault::Throttled, RpcFault::Lost("x"), RpcFault::Status(502)] {
            assert!(matches!(Verdict::of(&fault, "node"), Verdict::Doubt));
        }
    }
}
