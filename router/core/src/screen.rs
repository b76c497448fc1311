//! Screening: may this payer, this payee and this asset take part in a payment?
//!
//! Who asks, what a silence means and what is remembered of the answers is the caller's business; a source only answers.

use crate::{Account, Requirement, Result};
use serde::{Deserialize, Serialize};

/// What is about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Step {
    /// A payer is about to sign.
    Sign,
    /// A facilitator is about to say that a payment is good.
    Verify,
    /// A facilitator is about to send it.
    Settle,
}

/// Who and what is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What is about to happen.
    pub step: Step,
    /// The entry: payee, asset, amount and chain.
    pub requirement: &'a Requirement,
    /// The host that asked, where there is one.
    pub host: Option<&'a str>,
    /// The payer, where known.
    pub payer: Option<Account>,
}

impl Subject<'_> {
    /// Everybody who takes part: the payee, and the payer where known.
    pub fn parties(&self) -> impl Iterator<Item = Account> {
        std::iter::once(self.requirement.pay_to).chain(self.payer)
    }
}

/// What a source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is known against it.
    Clear,
    /// It may not be; why, in words for people.
    Denied(String),
}

/// A source of verdicts: a list, a service, a contract on chain.
///
/// * A read: safe to retry, safe to drop (cancel safe). May be asked for the same subject any number of times.
/// * An error says that nobody could look. Wrong: an error for a subject that is on the list, which whoever lets
///   payments pass in silence would let pass. Right: [`Verdict::Denied`]. Wrong: [`Verdict::Clear`] for a subject that
///   this source knows nothing of (an account of another family of chains). Right: an error.
#[crate::async_trait]
pub trait Screen: Send + Sync {
    /// Where its verdicts come from, for the record: `eip155:1/0x40c5…`.
    fn source(&self) -> String;
    /// May it be?
    async fn check(&self, subject: &Subject<'_>) -> Result<Verdict>;
}
