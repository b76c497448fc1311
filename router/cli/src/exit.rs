//! How a command ends: an exit code for scripts, words for people.

use std::fmt::Display;
use std::process::ExitCode;
use tollway::core::{Blame, Code, Error};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) words: String,
}

/// A command's end.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Something failed and nothing was paid.
    pub(crate) fn failed(words: impl Display) -> Self {
        Self { code: 1, words: words.to_string() }
    }
    /// The caller's words or files are wrong.
    pub(crate) fn usage(words: impl Display) -> Self {
        Self { code: 2, words: words.to_string() }
    }
    /// Paid, and the answer was lost.
    pub(crate) fn undelivered(words: impl Display) -> Self {
        Self { code: 4, words: words.to_string() }
    }
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("tollway: {}", self.words);
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let code = match (&e.code, e.blame) {
            _ if e.is_unknown_outcome() => 5,
            (
                Code::PolicyDenied
                | Code::OverCap
                | Code::BudgetExceeded
                | Code::UnknownAsset
                | Code::NoRoute,
                _,
            ) => 3,
            (
                Code::BadSettings | Code::BadKey | Code::NoSigner | Code::WrongChain | Code::NetworkMissing,
                _,
            )
            | (_, Blame::Caller) => 2,
            _ => 1,
        };
        Self { code, words: e.to_string() }
    }
}
