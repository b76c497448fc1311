//! What came of a request: the answer and where the payment stands, or why there is none.

use super::streamed::StreamedPayment;
use std::error::Error as StdError;
use std::fmt;
use tollway_core::{Challenge, Error};
use tollway_route::{Explanation, Paid};

/// Where the payment for an answer stands. The tower layer puts it into the response's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// The server asked for nothing, or the request was a `HEAD`, whose 402 is its answer; nothing was signed.
    Free,
    /// Paid: the receipt was checked against what was signed, or comes from the chain.
    Paid(Box<Paid>),
    /// It is being served, and what it costs is known when it ends.
    Streams(StreamedPayment),
    /// A signature was sent, an answer came, and nobody has proven that money moved: no receipt, one that contradicts
    /// what was signed, or a refusal. The amount stays reserved until [`tollway_route::Router::settle_up`] finds out.
    /// Wrong: asking again with another payment. Right: using the answer as it is.
    Unsettled(Error),
}

impl Standing {
    /// The payment, when there was one that is closed.
    pub fn paid(&self) -> Option<&Paid> {
        match self {
            Self::Paid(paid) => Some(paid),
            _ => None,
        }
    }
}

/// An answer, and where its payment stands. `Debug` shows neither the URL nor headers.
pub struct PaidResponse {
    /// The answer. Its body has not been read, or is handed on whole.
    pub response: reqwest::Response,
    /// Where the payment stands.
    pub standing: Standing,
}

impl PaidResponse {
    /// The payment, when there was one.
    pub fn paid(&self) -> Option<&Paid> {
        self.standing.paid()
    }
}

impl fmt::Debug for PaidResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaidResponse")
            .field("status", &self.response.status())
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[non_exhaustive]
pub enum PayError {
    /// What was wrong. Nothing was paid, unless [`Error::is_unknown_outcome`]: then a signature is out, it is
    /// journaled, and [`tollway_route::Router::settle_up`] finds out what became of it.
    Failed(Error),
    /// The request without a payment got no answer; nothing was signed. Holds the transport's own error.
    Unanswered(Error, Box<dyn StdError + Send + Sync>),
    /// Money moved, and what it was paid for did not arrive. Do not pay again.
    Undelivered(Box<Undelivered>),
}

/// Money that moved for an answer that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// What was paid, with the receipt to show to the seller.
    pub paid: Paid,
    /// Why nothing arrived.
    pub why: Error,
}

impl PayError {
    /// What was wrong, whichever way.
    pub fn error(&self) -> &Error {
        match self {
            Self::Failed(e) | Self::Unanswered(e, _) => e,
            Self::Undelivered(lost) => &lost.why,
        }
    }
    /// What was paid, when money is known to have moved.
    pub fn paid(&self) -> Option<&Paid> {
        match self {
            Self::Undelivered(lost) => Some(&lost.paid),
            _ => None,
        }
    }
}

impl From<Error> for PayError {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

impl fmt::Display for PayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(e) | Self::Unanswered(e, _) => fmt::Display::fmt(e, f),
            Self::Undelivered(lost) => write!(
                f,
                "paid {} and got no answer: keep the receipt, do not pay again; {}",
                lost.paid.charged, lost.why
            ),
        }
    }
}

/// The transport's own error may hold a URL, so it is not shown; [`std::error::Error::source`] has it.
impl fmt::Debug for PayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for PayError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(e) => Some(e),
            Self::Unanswered(_, source) => Some(source.as_ref()),
            Self::Undelivered(lost) => Some(&lost.why),
        }
    }
}

/// What a server would ask.
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one per question, read at once")]
pub enum Quoted {
    /// Nothing that can be read as x402: this is the answer.
    Free(reqwest::Response),
    /// A payment.
    Asked(Box<Asked>),
}

/// What a server asks, and every way to pay it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The 402.
    pub challenge: Challenge,
    /// Every entry, ranked with all its costs or rejected with the reason.
    pub explanation: Explanation,
    /// The host that asked, after redirects; what [`tollway_route::Context`] takes.
    pub host: Option<String>,
}

impl fmt::Debug for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free(response) => f.debug_tuple("Free").field(&response.status()).finish(),
            Self::Asked(asked) => f.debug_tuple("Asked").field(asked).finish(),
        }
    }
}
