//! What a paywall is set to.

use super::identity::normal_host;
use crate::codec::Limits;
use crate::tasks::Tasks;
use http::Uri;
use std::time::Duration;
use tollway_core::{Code, Error, Result};

/// Whose pages may read the answers of a paywall.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Anybody's.
    Any,
    /// These, as browsers spell them: `https://app.example.com`.
    Only(Vec<String>),
}

impl Origins {
    /// What to answer `origin` with; `None` when it is not allowed.
    pub(super) fn allow<'o>(&self, origin: &'o str) -> Option<&'o str> {
        match self {
            Self::Any => Some("*"),
            Self::Only(these) => these.iter().any(|o| o == origin).then_some(origin),
        }
    }
}

/// The address under which a service is known.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) scheme: String,
    pub(super) host: String,
}

impl Origin {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::caller(Code::BadSettings).detail(format!("{text:?} is not like https://api.example.com"))
        };
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme = uri.scheme_str().filter(|s| matches!(*s, "http" | "https")).ok_or_else(bad)?;
        let host = uri.authority().and_then(|a| normal_host(a.as_str())).ok_or_else(bad)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad());
        }
        Ok(Self { scheme: scheme.to_owned(), host })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) origin: Option<Origin>,
    pub(super) mount: String,
    pub(super) limits: Limits,
    pub(super) challenge_header_bytes_max: usize,
    pub(super) request_bytes_max: usize,
    pub(super) response_bytes_max: usize,
    pub(super) request_timeout: Duration,
    pub(super) handler_timeout: Duration,
    pub(super) stream_timeout: Duration,
    pub(super) stream_notes: u32,
    pub(super) visits_max: usize,
    pub(super) cors: Option<Origins>,
    pub(super) case_sensitive: bool,
    pub(super) tasks: Tasks,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            origin: None,
            mount: String::new(),
            limits: Limits::DEFAULT,
            challenge_header_bytes_max: 6 << 10,
            request_bytes_max: 1 << 20,
            response_bytes_max: 8 << 20,
            request_timeout: Duration::from_secs(30),
            handler_timeout: Duration::from_secs(60),
            stream_timeout: Duration::from_secs(3600),
            stream_notes: 8,
            visits_max: 1024,
            cors: None,
            case_sensitive: false,
            tasks: Tasks::tokio(),
        }
    }
}
