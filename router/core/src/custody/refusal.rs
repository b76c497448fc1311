//! Why a key does not sign.

use crate::{Account, AssetId, Blame, ChainId, Code, Error, Next};
use std::fmt;

/// The limit that something to be signed breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A message of a type that is not on the list.
    Message {
        /// Its primary type.
        kind: String,
        /// Those that are.
        allowed: Vec<String>,
    },
    /// Something that cannot be read, so nobody can say what it does.
    Unknown(&'static str),
    /// No transaction may be paid for on this network.
    Network(ChainId),
    /// An asset, or a network with it, that has no limit.
    Asset(AssetId),
    /// More than one signature may move.
    Amount {
        /// Of what.
        asset: AssetId,
        /// How much it would move, in atomic units; the most that the type holds for more than that.
        atomic: u128,
        /// The most.
        limit: u128,
    },
    /// A payee that is not on the list.
    Payee(Account),
    /// A payee that is on the list of those who may not be paid.
    PayeeDenied(Account),
    /// Somebody would get the right to take tokens, and is none of x402's contracts.
    Spender(Account),
    /// Usable for too long.
    Validity {
        /// For so many seconds from now.
        seconds: u64,
        /// The most.
        limit: u64,
    },
    /// A call that is not on the list.
    Call {
        /// Whom.
        to: Account,
        /// Which function.
        selector: Option<[u8; 4]>,
    },
    /// A transaction that may cost too much.
    Fee {
        /// What it may cost, in the coin's atomic units.
        fee: u128,
        /// The most.
        limit: u128,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { kind, allowed } => {
                write!(f, "messages of type {kind:?} are not signed; allowed are {allowed:?}")
            }
            Self::Unknown(why) => write!(f, "{why}: what cannot be read is not signed"),
            Self::Network(chain) => write!(f, "transactions on {chain} have no fee limit, so none is signed"),
            Self::Asset(asset) => write!(f, "{asset} has no limit, so none of it is signed away"),
            Self::Amount { asset, atomic, limit } => {
                write!(f, "{atomic} atomic units of {asset}; {limit} are the most for one signature")
            }
            Self::Payee(payee) => write!(f, "{payee} is not on the list of payees"),
            Self::PayeeDenied(payee) => write!(f, "{payee} is on the list of denied payees"),
            Self::Spender(spender) => {
                write!(f, "{spender} would get the right to take tokens; only Permit2 and x402's proxies may")
            }
            Self::Validity { seconds, limit } => {
                write!(f, "usable for {seconds} s; {limit} s are the most")
            }
            Self::Call { to, selector } => match selector {
                Some([a, b, c, d]) => {
                    write!(f, "calling 0x{a:02x}{b:02x}{c:02x}{d:02x} of {to} is not on the list of calls")
                }
                None => write!(f, "calling {to} is not on the list of calls"),
            },
            Self::Fee { fee, limit } => {
                write!(f, "it may cost {fee} of the coin's atomic units; {limit} are the most")
            }
        }
    }
}

impl Refusal {
    /// As whoever asked for the signature is told. Nothing was signed; another route may be within the limits.
    pub fn error(&self) -> Error {
        Error::new(Code::PolicyDenied, Blame::Payer, Next::OtherRoute)
            .detail(format!("the key's policy: {self}"))
    }
}
