//! What is refused before anything is sent, or before anything is signed.

use super::wire::Target;
use http::HeaderMap;
use std::net::IpAddr;
use tollway_core::wire::header;
use tollway_core::{Code, Error, Result};

/// A request that carries a payment belongs to somebody who is paying already.
pub(super) fn unpaid(headers: &HeaderMap) -> Result<()> {
    let names = [header::PAYMENT_SIGNATURE, header::X_PAYMENT];
    match names.into_iter().find(|name| headers.contains_key(*name)) {
        Some(name) => {
            Err(Error::caller(Code::AlreadyPaid).detail(format!("the request has a {name} header")))
        }
        None => Ok(()),
    }
}

/// Whoever reads a payment on its way can use it in another's place.
pub(super) fn private(target: &Target, plain_http: bool) -> Result<()> {
    if plain_http || target.https == Some(true) || target.host.as_deref().is_some_and(is_loopback) {
        return Ok(());
    }
    let host = target.host.as_deref().unwrap_or("a host that the request does not name");
    Err(Error::caller(Code::InsecureTransport)
        .detail(format!("no payment is sent to {host:.255} without TLS")))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A payment needs the request a second time.
pub(super) fn replayable(replayable: bool) -> Result<()> {
    if replayable {
        return Ok(());
    }
    Err(Error::caller(Code::BodyNotReplayable).detail(
        "the server asks for a payment and the body was streamed; nothing was paid. Buffer it to pay",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn allowed(scheme: Option<&str>, host: Option<&str>) -> bool {
        private(&Target::new(scheme, host, &Method::GET), false).is_ok()
    }

    #[test]
    fn tls_or_loopback() {
        for (scheme, host, ok) in [
            (Some("https"), Some("api.example"), true),
            (Some("HTTPS"), Some("api.example"), true),
            (Some("http"), Some("api.example"), false),
            (Some("http"), Some("127.0.0.1"), true),
            (Some("http"), Some("127.8.8.8"), true),
            (Some("http"), Some("[::1]"), true),
            (Some("http"), Some("[::ffff:127.0.0.1]"), true),
            (Some("http"), Some("Localhost"), true),
            (Some("http"), Some("localhost."), true),
            // Whether names below `localhost` stay on this machine, the resolver decides.
            (Some("http"), Some("a.localhost"), false),
            (Some("http"), Some("localhost.example"), false),
            (Some("http"), Some("127.0.0.1.example"), false),
            (Some("http"), Some("10.0.0.1"), false),
            (Some("http"), None, false),
            (None, Some("api.example"), false),
            (None, None, false),
        ] {
            assert_eq!(allowed(scheme, host), ok, "{scheme:?} {host:?}");
        }
    }

    #[test]
    fn the_opt_in_is_one_switch() {
        assert!(private(&Target::new(Some("http"), Some("api.example"), &Method::GET), true).is_ok());
    }
}
