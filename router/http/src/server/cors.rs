//! Pages of other origins: what their scripts may send and read.

use super::headers;
use super::paywall::Shared;
use super::refusal::Answer;
use super::settings::Origins;
use super::table::Look;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use tollway_core::wire::header as x402;

/// Names that a script may read.
const EXPOSED: [&str; 3] = ["PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"];
/// Names that a script may send. The reference client puts `Access-Control-Expose-Headers` on requests.
const ALLOWED: &str =
    "PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers, Content-Type";

/// What a script has to send, for a CORS layer of one's own: `allow_headers` of tower-http's `CorsLayer`, with the
/// application's own names beside them.
///
/// Right: such a layer around the paywall, so that it answers preflights and its word stands on 402s too. Wrong: one
/// below the paywall, or around single handlers, which the paywall's own answers never pass.
///
/// ```
/// use tollway_http::server::{cors_request_headers, cors_response_headers};
/// use tower_http::cors::{Any, CorsLayer};
///
/// let cors = CorsLayer::new()
///     .allow_origin(Any)
///     .allow_headers(cors_request_headers())
///     .expose_headers(cors_response_headers());
/// // Router::new().route(…).layer(paywall).layer(cors)
/// # drop(cors);
/// ```
pub fn cors_request_headers() -> [HeaderName; 5] {
    [
        HeaderName::from_static(x402::PAYMENT_SIGNATURE),
        HeaderName::from_static(x402::X_PAYMENT),
        HeaderName::from_static("sign-in-with-x"),
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        header::CONTENT_TYPE,
    ]
}

/// What a script has to read, for a CORS layer of one's own: `expose_headers`. Such a layer that exposes nothing leaves
/// what the paywall says; one that does replaces it.
pub fn cors_response_headers() -> [HeaderName; 3] {
    [
        HeaderName::from_static(x402::PAYMENT_REQUIRED),
        HeaderName::from_static(x402::PAYMENT_RESPONSE),
        HeaderName::from_static(x402::X_PAYMENT_RESPONSE),
    ]
}

/// What every answer of a protected route needs for caches and browsers.
pub(super) fn dress(headers: &mut HeaderMap, origin: Option<&HeaderValue>, cors: Option<&Origins>) {
    headers::vary(headers);
    let Some(origin) = origin else { return };
    headers::merge(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &EXPOSED);
    if let Some(allowed) =
        allowed(cors, origin).filter(|_| !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN))
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
}

fn allowed(cors: Option<&Origins>, origin: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_str(cors?.allow(origin.to_str().ok()?)?).ok()
}

/// Answers a browser that asks whether it may send a payment; `None` when that is somebody else's to answer.
pub(super) fn preflight(shared: &Shared, method: &Method, path: &str, headers: &HeaderMap) -> Option<Answer> {
    let cors = shared.settings.cors.as_ref().filter(|_| *method == Method::OPTIONS)?;
    let allowed = allowed(Some(cors), headers.get(header::ORIGIN)?)?;
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let wanted = Method::from_bytes(wanted.as_bytes()).ok()?;
    let Look::Route(..) = shared.table.look(&wanted, path) else { return None };
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let map = answer.headers_mut();
    map.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    map.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_str(wanted.as_str()).ok()?);
    map.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED));
    map.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    map.insert(header::VARY, HeaderValue::from_static(vary));
    Some(answer)
}
