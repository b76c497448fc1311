//! Headers that a paywall adds to: caching, and what must not pass through it.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tollway_core::Version;
use tollway_core::wire::header as x402;

/// What a metered handler writes to charge less than the most; for the paywall's eyes only.
pub(super) const SETTLEMENT_OVERRIDES: &str = "settlement-overrides";
/// What a facilitator tells a server; not for buyers.
const EXTENSION_RESPONSES: &str = "extension-responses";

/// Takes the payment out of a request, and what only a handler may say.
pub(super) fn strip_request(headers: &mut HeaderMap) {
    for name in [x402::PAYMENT_SIGNATURE, x402::X_PAYMENT, SETTLEMENT_OVERRIDES] {
        headers.remove(name);
    }
}

/// Takes out of a handler's response what only the paywall may say. Returns the override.
pub(super) fn strip_response(headers: &mut HeaderMap) -> Option<HeaderValue> {
    for name in [x402::PAYMENT_RESPONSE, x402::X_PAYMENT_RESPONSE, EXTENSION_RESPONSES] {
        headers.remove(name);
    }
    headers.remove(SETTLEMENT_OVERRIDES)
}

/// Makes a handler's head that of a stream: of no known length, with the receipt announced among its trailers.
pub(super) fn announce_receipt(headers: &mut HeaderMap, version: Version) {
    headers.remove(header::CONTENT_LENGTH);
    let ours = [x402::PAYMENT_RESPONSE, x402::X_PAYMENT_RESPONSE, EXTENSION_RESPONSES, SETTLEMENT_OVERRIDES];
    let mut listed = tokens(headers, &header::TRAILER);
    listed.retain(|name| !ours.iter().any(|o| o.eq_ignore_ascii_case(name)));
    // Also to those who did not ask for trailers: they learn from it that the receipt comes after the head.
    listed.push(x402::receipt(version).to_owned());
    if let Ok(value) = HeaderValue::try_from(listed.join(", ")) {
        headers.insert(header::TRAILER, value);
    }
}

/// Nobody may keep this.
pub(super) fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Says something to some shared cache that goes before `Cache-Control` (RFC 9213 and its forerunners).
fn is_for_shared_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("cdn-cache-control")
        || matches!(name, "surrogate-control" | "edge-control" | "x-accel-expires" | "x-cache-control")
}

/// Only the buyer may keep this: `private` beside what the handler said, in place of what says the contrary.
pub(super) fn private(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers.keys().filter(|n| is_for_shared_caches(n)).cloned().collect();
    named.iter().for_each(|name| drop(headers.remove(name)));
    let kept: Vec<String> = tokens(headers, &header::CACHE_CONTROL)
        .into_iter()
        .filter(|t| {
            let name = t.split('=').next().unwrap_or("").trim().to_ascii_lowercase();
            // `private="field"` lets shared caches keep the rest.
            !matches!(name.as_str(), "public" | "s-maxage" | "private")
        })
        .collect();
    let all = std::iter::once("private".to_owned()).chain(kept).collect::<Vec<_>>().join(", ");
    let value = HeaderValue::try_from(all).unwrap_or(HeaderValue::from_static("private"));
    headers.insert(header::CACHE_CONTROL, value);
}

/// The answer depends on the payment.
pub(super) fn vary(headers: &mut HeaderMap) {
    merge(headers, header::VARY, &["PAYMENT-SIGNATURE", "X-PAYMENT", "Origin"]);
}

/// Adds those of `names` that are not listed yet.
pub(super) fn merge(headers: &mut HeaderMap, name: HeaderName, names: &[&str]) {
    let mut listed = tokens(headers, &name);
    for new in names {
        if !listed.iter().any(|t| t.eq_ignore_ascii_case(new)) {
            listed.push((*new).to_owned());
        }
    }
    if let Ok(value) = HeaderValue::try_from(listed.join(", ")) {
        headers.insert(name, value);
    }
}

/// The elements of a comma-separated header over all its lines. A quoted comma does not separate.
fn tokens(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let mut out = Vec::new();
    for line in headers.get_all(name).iter().filter_map(|v| v.to_str().ok()) {
        let mut quoted = false;
        let split = line.split(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        out.extend(split.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_merged() {
        for (had, want) in [
            (None, "private"),
            (Some("max-age=60"), "private, max-age=60"),
            (Some("public, max-age=60, S-Maxage=5"), "private, max-age=60"),
            (Some("private"), "private"),
            (Some("no-store"), "private, no-store"),
            (Some(r#"private="a, b", no-cache"#), "private, no-cache"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(had) = had {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(had));
            }
            private(&mut headers);
            assert_eq!(headers[header::CACHE_CONTROL], want, "{had:?}");
        }
    }

    #[test]
    fn nothing_is_said_to_shared_caches_alone() {
        let mut headers = HeaderMap::new();
        for name in [
            "cdn-cache-control",
            "cloudflare-cdn-cache-control",
            "vercel-cdn-cache-control",
            "surrogate-control",
            "edge-control",
            "x-accel-expires",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("max-age=600"));
        }
        headers.insert(header::ETAG, HeaderValue::from_static("a"));
        private(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!((left.len(), headers.contains_key("etag")), (2, true), "{left:?}");
    }

    #[test]
    fn lists_are_merged_without_twins() {
        let mut headers = HeaderMap::new();
        headers.append(header::VARY, HeaderValue::from_static("Accept, x-payment"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        vary(&mut headers);
        assert_eq!(headers[header::VARY], "Accept, x-payment, origin, PAYMENT-SIGNATURE");
    }
}
