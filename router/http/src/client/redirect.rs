//! Redirects on the way to a 402. Never with a payment.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, LOCATION,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Request, Url};
use tollway_core::{Blame, Code, Error, Next, Result};

/// Says who is asking; not for another origin.
const PERSONAL: [HeaderName; 5] =
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST, HeaderName::from_static("sign-in-with-x")];
/// Describes a body that is no longer there.
const OF_BODY: [HeaderName; 4] = [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, TRANSFER_ENCODING];

/// Turns `request` towards where the answer points; false when the answer is no redirect, or one that cannot be
/// followed because the body is gone.
///
/// # Errors
/// [`Code::InvalidAnswer`] for a target that is no HTTP URL.
pub(super) fn turn(request: &mut Request, status: StatusCode, headers: &HeaderMap) -> Result<bool> {
    let Some(location) = headers.get(LOCATION) else { return Ok(false) };
    let keeps_method = match status.as_u16() {
        301 | 302 => *request.method() != Method::POST,
        303 => matches!(*request.method(), Method::GET | Method::HEAD),
        307 | 308 => true,
        _ => return Ok(false),
    };
    if keeps_method && request.try_clone().is_none() {
        return Ok(false);
    }
    let bad = || {
        Error::new(Code::InvalidAnswer, Blame::Payee, Next::Never)
            .detail(format!("{} to something that is no HTTP URL", status.as_u16()))
    };
    let text = location.to_str().map_err(|_| bad())?;
    let mut to = request.url().join(text).map_err(|_| bad())?;
    if !matches!(to.scheme(), "http" | "https") || to.host().is_none() {
        return Err(bad());
    }
    // A password in a redirect is nobody's.
    to.set_username("").and_then(|()| to.set_password(None)).map_err(|()| bad())?;
    if !same_origin(request.url(), &to) {
        PERSONAL.iter().for_each(|name| drop(request.headers_mut().remove(name)));
    }
    if !keeps_method {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        OF_BODY.iter().for_each(|name| drop(request.headers_mut().remove(name)));
    }
    *request.url_mut() = to;
    Ok(true)
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}
