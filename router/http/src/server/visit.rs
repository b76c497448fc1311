//! One request through the paywall.

use super::challenge::{Counter, internal, receipt};
use super::charge::Meter;
use super::headers;
use super::identity::Identity;
use super::info::PaymentInfo;
use super::path::Path;
use super::paywall::Shared;
use super::price::{Price, Question};
use super::refusal::{Answer, Refused, Stage, json, plain};
use super::run::{Outcome, Run};
use super::service::BoxError;
use super::settings::Settings;
use super::table::Route;
use crate::codec;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::marker::PhantomData;
use std::sync::Arc;
use tollway_core::flow::Delivered;
use tollway_core::wire::header as x402;
use tollway_core::{
    Blame, Code, Error, Flow, Json, Leg, Offer, Order, Print, Receipt, Requirement, Result, Terms, Version,
};
use tollway_route::{Admitted, Posted, Rail, Tag};
use tower_service::Service;

/// A request that carries an admitted payment, the payment itself taken out.
struct Paying {
    parts: Parts,
    body: Bytes,
    posted: Posted,
    url: String,
    version: Version,
    admitted: Admitted,
}

/// Answers a request of a protected route.
pub(super) async fn protected<S, B, R>(
    shared: &Arc<Shared>,
    route: &Route,
    path: &Path,
    service: S,
    request: Request<B>,
) -> Result<Answer, S::Error>
where
    S: Service<Request<B>, Response = http::Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    match admit(shared, route, path, request).await {
        Ok(paying) => serve(shared, &route.priced.rails, service, paying).await,
        Err(refused) => Ok(*refused),
    }
}

/// Prices the request and admits its payment; everything else ends here.
async fn admit<B>(shared: &Shared, route: &Route, path: &Path, request: Request<B>) -> Result<Paying, Refused>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let settings = &shared.settings;
    let (mut parts, body) = request.into_parts();
    let identity = Identity::of(&parts, &path.canonical, settings)?;
    let payment = payment(&parts.headers, &settings.limits)?;
    headers::strip_request(&mut parts.headers);
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
        Ok(None) => return Err(Box::new(counter.offers(StatusCode::PAYMENT_REQUIRED, None, ""))),
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
    match tokio::time::timeout(settings.request_timeout, Limited::new(body, max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::TooLarge.as_str(),
            &format!("at most {max} bytes may be sent with a payment"),
        )),
        Ok(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "incomplete_body", "")),
        Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, Code::TimedOut.as_str(), "")),
    }
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
    match tokio::time::timeout(settings.handler_timeout, compute(question)).await {
        Ok(Ok(tag)) => Ok((format!("{scope}|{}", identity.name(body)), tag)),
        Ok(Err(e)) if e.blame == Blame::Payer => {
            Err(plain(StatusCode::BAD_REQUEST, e.code.as_str(), &e.detail))
        }
        Ok(Err(e)) => Err(internal(&e)),
        Err(_) => Err(internal(&Error::us(Code::TimedOut).detail("computing a price took too long"))),
    }
}

/// Takes an admitted payment through its flow, in a task that a client who hangs up cannot stop.
async fn serve<S, B, R>(
    shared: &Arc<Shared>,
    rails: &[Rail],
    service: S,
    paying: Paying,
) -> Result<Answer, S::Error>
where
    S: Service<Request<B>, Response = http::Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: From<Bytes> + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let Paying { parts, body, posted, url, version, admitted } = paying;
    let Some(ticket) = shared.visits.enter() else {
        return Ok(*plain(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many payments under way"));
    };
    let requirement = admitted.arrival.offer.requirement.clone();
    let print = admitted.arrival.print.clone();
    let mut run = run(shared, &posted, &admitted, version);
    run.work = Some((service, Request::from_parts(parts, B::from(body))));
    let gate = Arc::clone(&shared.gate);
    let visit = tokio::spawn(async move {
        let _ticket = ticket;
        let delivered = gate.serve(admitted, &mut run).await;
        (delivered, run.outcome, run.charged)
    });
    let broken = Error::unknown(Code::Internal, None);
    let (delivered, outcome, charged) = visit.await.unwrap_or((Err(broken), None, true));
    shared.sweep_answers();
    let done = |answer: Result<Answer, Refused>| Ok(answer.unwrap_or_else(|refused| *refused));
    match (delivered, outcome) {
        (Ok(Delivered::Unpaid), Some(Outcome::Failed(e))) => Err(e),
        (Ok(Delivered::Unpaid), Some(Outcome::Answer(answer))) => Ok(kept_private(answer)),
        (Ok(Delivered::Paid(r) | Delivered::PaidUnserved(r)), Some(Outcome::Answer(answer))) => {
            done(receipt(kept_private(answer), &r, version, shared))
        }
        // The service's error cannot carry the receipt that the buyer has paid for.
        (Ok(Delivered::Paid(r) | Delivered::PaidUnserved(r)), _) => {
            let failed = *plain(StatusCode::INTERNAL_SERVER_ERROR, Code::HandlerFailed.as_str(), "");
            done(receipt(failed, &r, version, shared))
        }
        (Ok(Delivered::Again(r)), _) => done(again(shared, &print, &r, version).await),
        (Ok(_), _) => Ok(*internal(&Error::us(Code::Internal))),
        (Err(e), _) => {
            // Upfront, everything but a bad payment may have happened after the money moved.
            let early = requirement.flow == Flow::Authorization || e.blame == Blame::Payer;
            let stage = if charged || !early { Stage::Settling } else { Stage::Before };
            let counter = Counter { shared, posted: &posted, rails, url: &url };
            Ok(counter.refuse(&e, stage, version, Some(&requirement)))
        }
    }
}

fn kept_private(mut answer: Answer) -> Answer {
    headers::private(answer.headers_mut());
    answer
}

/// The same payment again: its receipt, and the answer it bought where that is still kept.
async fn again(shared: &Shared, print: &Print, paid: &Receipt, version: Version) -> Result<Answer, Refused> {
    let kept = match &shared.answers {
        Some(answers) => answers.get(print).await.unwrap_or_else(|e| {
            tracing::warn!(code = %e.code, "a kept answer could not be read");
            None
        }),
        None => None,
    };
    let answer = kept.unwrap_or_else(|| {
        let transaction = paid.transaction().map(|t| t.0.as_str());
        let body = serde_json::json!({ "paid": true, "replayed": true, "transaction": transaction });
        json(StatusCode::OK, &body.to_string())
    });
    receipt(kept_private(answer), paid, version, shared)
}

/// The handler of a visit, still without its work.
fn run<S, B, E>(
    shared: &Arc<Shared>,
    posted: &Posted,
    admitted: &Admitted,
    version: Version,
) -> Run<S, B, E> {
    let registry = shared.gate.registry();
    let requirement = &admitted.arrival.offer.requirement;
    let cell = registry.cell(requirement).ok();
    let leg = if requirement.flow == Flow::Authorization { Leg::After } else { Leg::Before };
    let order = Order { leg, requirement: requirement.clone(), payment: admitted.arrival.payment.clone() };
    let terms: Option<Terms> = cell.and_then(|c| (c.read)(&order).ok());
    let token = registry.known_asset(&requirement.price.asset());
    let dollars = token.filter(|t| t.symbol.to_ascii_uppercase().contains("USD"));
    Run {
        shared: Arc::clone(shared),
        work: None,
        meter: Meter {
            metered: cell.is_some_and(|c| c.capability.metered),
            dollar_decimals: dollars.map(|t| t.decimals),
        },
        flow: requirement.flow,
        print: admitted.arrival.print.clone(),
        window: terms.as_ref().map_or(tollway_core::Time::ZERO, |t| t.settle_before),
        info: PaymentInfo {
            payer: terms.and_then(|t| t.payer),
            amount: requirement.price.0,
            network: requirement.chain,
            requirement: posted.offers.iter().position(|p| is_same(&p.offer.requirement, requirement)),
            version,
        },
        outcome: None,
        charged: false,
        body: PhantomData,
    }
}

/// The same offer, in whichever version.
fn is_same(a: &Requirement, b: &Requirement) -> bool {
    (a.scheme, a.method, a.price, a.pay_to, a.flow) == (b.scheme, b.method, b.price, b.pay_to, b.flow)
}
