//! How a command ends: an exit code for scripts, words for people.

use std::fmt::Display;
use std::process::ExitCode;
use tollway::core::{Blame, Code, Error, Next};

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

/// The error for a person at a terminal: what was wrong and what to do. Whom to blame is for programs.
fn words(e: &Error) -> String {
    let what = if e.detail.is_empty() { e.code.to_string() } else { format!("{}: {}", e.code, e.detail) };
    // One line for each entry.
    let what = if e.code == Code::NoRoute { entries(&what) } else { what };
    match &e.next {
        Next::Later => format!("{what}; try again later"),
        Next::Prepare => format!("{what}; the payer has to act on chain first"),
        Next::Unknown(_) => {
            format!("{what}; outcome unknown: do not pay again, ask with `tollway pay --settle-up`")
        }
        _ => what,
    }
}

/// A line for each entry, without the advice to programs at its end.
fn entries(what: &str) -> String {
    let plain = |entry: &str| entry.rsplit_once(" (blame: ").map_or(entry, |(words, _)| words).to_owned();
    what.split("; #").map(plain).collect::<Vec<_>>().join("\n  #")
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
        Self { code, words: words(&e) }
    }
}
