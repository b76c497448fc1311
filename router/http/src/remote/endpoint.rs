use reqwest::Url;
use reqwest::redirect::{Action, Attempt, Policy};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use tollway_core::{Code, Error, Result};

/// The most redirects that are followed.
const REDIRECTS_MAX: usize = 3;

/// What of a facilitator is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `POST /verify`.
    Verify,
    /// `POST /settle`.
    Settle,
    /// `GET /supported`.
    Supported,
    /// `GET /health`, where there is one.
    Health,
}

impl Endpoint {
    /// Its path below the base.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Settle => "settle",
            Self::Supported => "supported",
            Self::Health => "health",
        }
    }

    pub(super) fn of(self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(self.path());
        }
        url
    }
}

/// Reads a base address: https, or plain http to this very machine, or plain http where that was asked for.
pub(super) fn base(text: &str, allow_plain_http: bool) -> Result<Url> {
    let bad = |why: &str| Error::caller(Code::BadSettings).detail(format!("facilitator address: {why}"));
    let url =
        Url::parse(text).map_err(|e| bad(&format!("{e}; write it like https://facilitator.example")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(bad("credentials belong into headers, not into the address; neither does a query"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(Error::caller(Code::InsecureTransport)
            .detail("payments are not sent over plain http beyond this machine unless that is allowed")),
        _ => Err(bad("neither https nor http")),
    }
}

/// What a base address is called in logs, metrics and records: where it is, and a mark of its path, which may hold a key.
pub(super) fn name(base: &Url) -> String {
    let origin = base.origin().ascii_serialization();
    let path = base.path().trim_end_matches('/');
    if path.is_empty() {
        return origin;
    }
    let mark: String = Sha256::digest(path).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{origin}/#{mark}")
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Only within the origin, and only where method and body stay what they are: a payment and the credentials beside it
/// go nowhere else.
pub(super) fn redirects() -> Policy {
    Policy::custom(|attempt: Attempt<'_>| -> Action {
        let home = attempt.previous().first().map(|first| first.origin());
        let same_origin = home == Some(attempt.url().origin());
        let same_request = matches!(attempt.status().as_u16(), 307 | 308);
        if same_origin && same_request && attempt.previous().len() <= REDIRECTS_MAX {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in ["https://f.example", "http://127.0.0.1:1", "http://localhost:4020/x", "http://[::1]:9"] {
            assert!(base(good, false).is_ok(), "{good}");
        }
        let refused = base("http://f.example", false).unwrap_err();
        assert_eq!(refused.code, Code::InsecureTransport);
        assert!(base("http://f.example", true).is_ok());
        assert!(base("http://127.0.0.1.evil.example", false).is_err());
        for bad in ["ftp://f.example", "https://me:secret@f.example", "https://f.example/?key=secret", "no"] {
            let e = base(bad, true).unwrap_err();
            assert_eq!(e.code, Code::BadSettings, "{bad}");
            assert!(!e.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_name_tells_where_it_is_and_which_but_no_path() {
        let named = |text: &str| name(&base(text, false).unwrap());
        assert_eq!(named("https://f.example/"), "https://f.example");
        assert_eq!(named("http://127.0.0.1:4020"), "http://127.0.0.1:4020");
        let (one, other) = (named("https://f.example/v1/key-a"), named("https://f.example/v1/key-b"));
        assert!(one.starts_with("https://f.example/#") && !one.contains("key"), "{one}");
        assert_ne!(one, other);
        assert_eq!(one, named("https://f.example/v1/key-a/"));
    }

    #[test]
    fn paths_are_appended() {
        let of = |text: &str| Endpoint::Verify.of(&base(text, false).unwrap()).to_string();
        assert_eq!(of("https://f.example"), "https://f.example/verify");
        assert_eq!(of("https://f.example/x402"), "https://f.example/x402/verify");
        assert_eq!(of("https://f.example/x402/"), "https://f.example/x402/verify");
    }
}
