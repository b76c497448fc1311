//! The way up to the counter: what a request costs, and whether its payment is for one of our offers.

use super::challenge::{Counter, internal};
use super::headers;
use super::identity::Identity;
use super::path::Path;
use super::paywall::Shared;
use super::price::{Price, Question};
use super::refusal::{Refused, Stage, json, plain};
use super::service::BoxError;
use super::settings::Settings;
use super::table::Route;
use crate::codec;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tollway_core::wire::header as x402;
use tollway_core::{Blame, Code, Error, Json, Offer, Result, Version};
use tollway_route::{Admitted, Posted, Tag};

/// What a `HEAD` is told that brings a payment along: it was not looked at.
const HEAD_NOT_CHARGED: &str = "head_not_charged";

/// A request that carries an admitted payment, the payment itself taken out.
pub(super) struct Paying {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    pub(super) posted: Posted,
    pub(super) url: String,
    pub(super) version: Version,
    pub(super) admitted: Admitted,
}

/// Prices the request and admits its payment; everything else ends here.
pub(super) async fn admit<B>(
    shared: &Shared,
    route: &Route,
    path: &Path,
    request: Request<B>,
) -> Result<Paying, Refused>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let settings = &shared.settings;
    let (mut parts, body) = request.into_parts();
    let identity = Identity::of(&parts, &path.canonical, settings)?;
    let payment = payment(&parts.headers, &settings.limits)?;
    headers::strip_request(&mut parts.headers);
    let sold = route.methods.sells(&parts.method);
    let untaken = (!sold && !matches!(payment, Ok(None))).then(|| Code::Other(HEAD_NOT_CHARGED.into()));
    let payment = if sold { payment } else { Ok(None) };
    let pays = !matches!(payment, Ok(None));
    if pays && parts.uri.path() != path.canonical {
        return Err(elsewhere(&identity));
    }
    let computed = matches!(route.priced.price, Price::Computed(_));
    let body = if pays || computed { buffered(body, settings).await? } else { Bytes::new() };
    let (scope, tag) = priced(settings, route, path, &parts, &identity, &body).await?;
    let rails = &route.priced.rails;
    let empty = Posted::default();
    let counter = |posted| Counter { shared, posted, rails, url: &identity.url };
    let posted = match shared.gate.post(&scope, &tag, rails).await {
        Ok(posted) => posted,
        Err(e) => return Err(Box::new(counter(&empty).refuse(&e, Stage::Before, Version::V2, None))),
    };
    let counter = counter(&posted);
    let (version, json) = match payment {
        Ok(Some(found)) => found,
        Ok(None) => {
            return Err(Box::new(counter.offers(StatusCode::PAYMENT_REQUIRED, untaken.as_ref(), "")));
        }
        // 400 would be the specification's word; every SDK answers 402, and clients look for the offers in it.
        Err(e) => {
            let code = Some(&Code::InvalidPayload);
            return Err(Box::new(counter.offers(StatusCode::PAYMENT_REQUIRED, code, &e.detail)));
        }
    };
    let current: Vec<Offer> = posted.offers.iter().map(|p| p.offer.clone()).collect();
    let admitted = shared.gate.admit(&scope, &json, &current, &identity.bytes(&body), &identity.url).await;
    match admitted.and_then(|admitted| of_version(admitted, version)) {
        Ok(admitted) => Ok(Paying { parts, body, url: identity.url, posted, version, admitted }),
        Err(e) => Err(Box::new(counter.refuse(&e, Stage::Before, version, None))),
    }
}

/// The payment of a request. What cannot be read is answered with offers, what is too large is not looked at.
fn payment(headers: &HeaderMap, limits: &codec::Limits) -> Result<Result<Option<(Version, Json)>>, Refused> {
    let mut values = [x402::PAYMENT_SIGNATURE, x402::X_PAYMENT].into_iter().flat_map(|n| headers.get_all(n));
    if values.any(|v| v.len() > limits.payment_bytes) {
        let words = format!("a payment header of more than {} bytes", limits.payment_bytes);
        return Err(plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Code::TooLarge.as_str(), &words));
    }
    Ok(codec::payment_json(headers, limits))
}

fn of_version(admitted: Admitted, version: Version) -> Result<Admitted> {
    if admitted.arrival.payment.accepted.version == version {
        return Ok(admitted);
    }
    Err(Error::payer(Code::InvalidX402Version)
        .detail(format!("not the version that belongs into {}", x402::payment(version))))
}

/// A payment is taken at the resource's one spelling only, so that the handler is the one that was paid for.
fn elsewhere(identity: &Identity) -> Refused {
    let mut answer = json(StatusCode::PERMANENT_REDIRECT, "{}");
    let query = identity.query.as_ref().map(|q| format!("?{q}")).unwrap_or_default();
    if let Ok(value) = HeaderValue::try_from(format!("{}{query}", identity.path)) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
    Box::new(answer)
}

async fn buffered<B>(body: B, settings: &Settings) -> Result<Bytes, Refused>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let max = settings.request_bytes_max;
    // Where it says so by itself, nobody waits for it.
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(too_long(max));
    }
    match settings.tasks.timeout(settings.request_timeout, Limited::new(body, max).collect()).await {
        Some(Ok(body)) => Ok(body.to_bytes()),
        Some(Err(e)) if e.is::<LengthLimitError>() => Err(too_long(max)),
        Some(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "incomplete_body", "")),
        None => Err(plain(StatusCode::REQUEST_TIMEOUT, Code::TimedOut.as_str(), "")),
    }
}

fn too_long(max: usize) -> Refused {
    let words = format!("at most {max} bytes may be sent with a payment");
    plain(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge.as_str(), &words)
}

/// What the request costs, and within which scope an offer for it stands.
async fn priced(
    settings: &Settings,
    route: &Route,
    path: &Path,
    parts: &Parts,
    identity: &Identity,
    body: &Bytes,
) -> Result<(String, Tag), Refused> {
    let origin = settings.origin.as_ref().map_or("", |o| o.host.as_str());
    let scope = format!("{}|{origin}{}|{}", settings.name, settings.mount, route.id);
    let compute = match &route.priced.price {
        Price::Fixed(tag) => return Ok((scope, tag.clone())),
        Price::Computed(compute) => compute,
    };
    let question = Question {
        method: identity.priced_method(),
        host: identity.host.clone(),
        path: path.canonical.clone(),
        params: route.pattern.params(&path.main),
        query: identity.query.clone(),
        headers: parts.headers.clone(),
        body: body.clone(),
    };
    match settings.tasks.timeout(settings.handler_timeout, compute(question)).await {
        Some(Ok(tag)) => Ok((format!("{scope}|{}", identity.name(body)), tag)),
        Some(Err(e)) if e.blame == Blame::Payer => {
            Err(plain(StatusCode::BAD_REQUEST, e.code.as_str(), &e.detail))
        }
        Some(Err(e)) => Err(internal(&e)),
        None => Err(internal(&Error::us(Code::TimedOut).detail("computing a price took too long"))),
    }
}
