//! Errors that say what was wrong, who is to blame, and what to do next.

use crate::{Amount, TxId};
use std::fmt;

pub use crate::wire::reason::Code;

/// Whose fault it is, so that a person knows whom to ask and a program knows what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The side that pays: its payload, funds or settings.
    Payer,
    /// The side that is paid: its offer or its server.
    Payee,
    /// The facilitator, ours or somebody else's.
    Settler,
    /// A chain or the node in front of it.
    Network,
    /// The code that called Tollway: configuration or arguments.
    Caller,
    /// Tollway itself.
    Us,
}

/// What to do next. The most important field of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// The same call can never succeed.
    Never,
    /// The same call may succeed later; nothing has moved.
    Later,
    /// This route will not do; another may.
    OtherRoute,
    /// The other side corrected its terms: check them again, and sign at most once more.
    SignAgain,
    /// The payer has to act on chain first (an allowance, a deposit).
    Prepare,
    /// Money may have moved. Only `Payer::resolve`, `Settler::resume` or the chain may answer: never a blind
    /// retry, never a second signature. Holds the transaction, when one is known.
    Unknown(Option<TxId>),
}

/// The error of the whole contract.
///
/// `code` is for programs, `detail` for people. Neither ever holds a key, a signature or an authorization.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// What was wrong, as a closed vocabulary.
    pub code: Code,
    /// Whose fault it is.
    pub blame: Blame,
    /// What to do next.
    pub next: Next,
    /// The transaction that failed, where one was broadcast.
    pub transaction: Option<TxId>,
    /// What that transaction cost whoever sent it, in the chain's own coin, where known.
    pub spent: Option<Box<Amount>>,
    /// What was found and what would have been right, in words. May be empty.
    pub detail: Box<str>,
}

/// The result of the whole contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The most bytes of words that an [`Error`] carries.
pub const DETAIL_MAX: usize = 1024;

/// A peer's text as an error may quote it: escaped, and 64 characters at most. (`{:.64?}` does not shorten a string.)
pub(crate) fn excerpt(text: &str) -> String {
    let end = text.char_indices().nth(64).map_or(text.len(), |(at, _)| at);
    let dots = if end < text.len() { "…" } else { "" };
    format!("{:?}{dots}", text.get(..end).unwrap_or(""))
}

impl Error {
    /// An error without details.
    pub fn new(code: Code, blame: Blame, next: Next) -> Self {
        Self { code, blame, next, transaction: None, spent: None, detail: "".into() }
    }
    /// The payer's fault, final.
    pub fn payer(code: Code) -> Self {
        Self::new(code, Blame::Payer, Next::Never)
    }
    /// The payee's fault: this entry will not do, another may.
    pub fn payee(code: Code) -> Self {
        Self::new(code, Blame::Payee, Next::OtherRoute)
    }
    /// The facilitator's fault, final.
    pub fn settler(code: Code) -> Self {
        Self::new(code, Blame::Settler, Next::Never)
    }
    /// The network's fault; later may do.
    pub fn network(code: Code) -> Self {
        Self::new(code, Blame::Network, Next::Later)
    }
    /// The caller's fault, final.
    pub fn caller(code: Code) -> Self {
        Self::new(code, Blame::Caller, Next::Never)
    }
    /// Our own fault, final.
    pub fn us(code: Code) -> Self {
        Self::new(code, Blame::Us, Next::Never)
    }
    /// Money may have moved.
    pub fn unknown(code: Code, tx: Option<TxId>) -> Self {
        Self::new(code, Blame::Network, Next::Unknown(tx))
    }
    /// Adds words for people, at most [`DETAIL_MAX`] bytes of them; the caller keeps secrets out.
    #[must_use]
    pub fn detail(mut self, words: impl Into<String>) -> Self {
        let mut words = words.into();
        if words.len() > DETAIL_MAX {
            // Words often repeat what a peer sent, and a peer may send megabytes.
            words.truncate(words.floor_char_boundary(DETAIL_MAX));
            words.push('…');
        }
        // They end up in logs and on terminals, where a peer's control characters would be commands.
        if words.contains(char::is_control) {
            words = words.replace(char::is_control, " ");
        }
        self.detail = words.into_boxed_str();
        self
    }
    /// Names the transaction that failed.
    #[must_use]
    pub fn transaction(mut self, tx: TxId) -> Self {
        self.transaction = Some(tx);
        self
    }
    /// Says what the failed transaction cost its sender, in the chain's own coin.
    #[must_use]
    pub fn spent(mut self, cost: Amount) -> Self {
        self.spent = Some(Box::new(cost));
        self
    }
    /// Changes what to do next.
    #[must_use]
    pub fn next(mut self, next: Next) -> Self {
        self.next = next;
        self
    }
    /// True for a definite word on a payment that was asked after: nothing of it has moved, and nothing will. What is wrong
    /// with a ledger, with settings or in our own code may be final too, and says nothing about the payment.
    pub fn ends_payment(&self) -> bool {
        let about_it = !matches!(self.blame, Blame::Us | Blame::Caller)
            && !matches!(self.code, Code::LedgerFailed | Code::Conflict | Code::Internal);
        about_it && self.next == Next::Never
    }
    /// True when money may have moved.
    pub fn is_unknown_outcome(&self) -> bool {
        matches!(self.next, Next::Unknown(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        let advice = match &self.next {
            Next::Never => "do not retry",
            Next::Later => "retry later",
            Next::OtherRoute => "try another route",
            Next::SignAgain => "check the corrected terms and sign once more",
            Next::Prepare => "the payer must act on chain first",
            Next::Unknown(_) => "outcome unknown: ask the chain, do not sign again",
        };
        write!(f, " (blame: {:?}; {advice})", self.blame)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
