//! One line of the report.

use serde::Serialize;
use std::fmt;
use tollway::core::Error;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work.
    Bad,
}

/// What was looked at, how it is, and what to do about it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    /// `ledger`, `network`, `tokens`, `prices`, `keys`, `clock`, `facilitator`.
    pub(crate) area: &'static str,
    /// Which one of them.
    pub(crate) subject: String,
    /// How it is.
    pub(crate) state: State,
    /// What was found.
    pub(crate) said: String,
    /// What to do; none where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
}

impl Finding {
    pub(crate) fn ok(area: &'static str, subject: impl fmt::Display, said: impl Into<String>) -> Self {
        Self { area, subject: subject.to_string(), state: State::Ok, said: said.into(), advice: None }
    }

    pub(crate) fn warn(
        area: &'static str,
        subject: impl fmt::Display,
        said: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Warn, advice: Some(advice.into()), ..Self::ok(area, subject, said) }
    }

    pub(crate) fn bad(
        area: &'static str,
        subject: impl fmt::Display,
        said: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Bad, ..Self::warn(area, subject, said, advice) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Bad => "bad ",
        };
        write!(f, "{state}  {:<11} {}: {}", self.area, self.subject, self.said)?;
        match &self.advice {
            Some(advice) => write!(f, "\n      → {advice}"),
            None => Ok(()),
        }
    }
}

/// An error's words for a person. Errors hold no secrets.
pub(crate) fn words(e: &Error) -> String {
    if e.detail.is_empty() { e.code.to_string() } else { e.detail.to_string() }
}
