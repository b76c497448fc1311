//! One request through the paywall.

use super::admit::{Paying, admit};
use super::challenge::{Counter, afterwards, internal, receipt};
use super::charge::Till;
use super::doubts::look_after;
use super::headers;
use super::info::PaymentInfo;
use super::path::Path;
use super::paywall::Shared;
use super::refusal::{Answer, Refused, Stage, json, plain};
use super::run::{Outcome, Run};
use super::service::{BoxError, OwnBody, own};
use super::table::Route;
use bytes::Bytes;
use futures::channel::oneshot;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Either;
use std::marker::PhantomData;
use std::sync::Arc;
use tollway_core::flow::Delivered;
use tollway_core::{
    Blame, Code, Error, Flow, Leg, Order, Print, Receipt, Requirement, Result, Terms, Time, Version,
};
use tollway_route::{Admitted, Posted, Rail};
use tower_service::Service;

/// Answers a request of a protected route.
pub(super) async fn protected<S, B, R>(
    shared: &Arc<Shared>,
    route: &Route,
    path: &Path,
    service: S,
    request: Request<B>,
) -> Result<Response<OwnBody>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    match admit(shared, route, path, request).await {
        Ok(paying) => serve(shared, &route.priced.rails, service, paying).await,
        Err(refused) => Ok(own(*refused)),
    }
}

/// Takes an admitted payment through its flow, in a task that a client who hangs up cannot stop.
async fn serve<S, B, R>(
    shared: &Arc<Shared>,
    rails: &[Rail],
    service: S,
    paying: Paying,
) -> Result<Response<OwnBody>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: From<Bytes> + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let Paying { parts, body, posted, url, version, admitted } = paying;
    let Some(ticket) = shared.visits.enter() else {
        let words = "too many payments under way";
        return Ok(own(*plain(StatusCode::SERVICE_UNAVAILABLE, "busy", words)));
    };
    let requirement = admitted.arrival.offer.requirement.clone();
    let print = admitted.arrival.print.clone();
    let mut run = run(shared, &posted, &admitted, version);
    run.work = Some((service, Request::from_parts(parts, B::from(body))));
    let (opens, opened) = oneshot::channel();
    run.opens = Some(opens);
    let (visiting, asked) = (Arc::clone(shared), requirement.clone());
    let visit = shared.settings.tasks.spawn(async move {
        let _ticket = ticket;
        let (delivered, left) = visiting.gate.serve_leaving(admitted, &mut run).await;
        let told = run.told.take();
        left.into_iter().for_each(|visit| look_after(&visiting, visit));
        if let Some(told) = told {
            // Its client may have gone.
            drop(afterwards(&delivered, &asked, version, &visiting).map(|receipt| told.send(receipt)));
        }
        (delivered, run.outcome, run.charged)
    });
    shared.sweep_answers();
    // The task drops its end when it is through without a stream.
    if let Ok(stream) = opened.await {
        return Ok(stream.map(Either::Right));
    }
    let broken = Error::unknown(Code::Internal, None);
    let (delivered, outcome, charged) = visit.await.unwrap_or((Err(broken), None, true));
    let counter = Counter { shared, posted: &posted, rails, url: &url };
    let visited = Visited { counter, requirement: &requirement, print: &print, version };
    Ok(own(visited.answer(delivered, outcome, charged).await?))
}

/// A visit that is over, and what its answer is made from.
struct Visited<'a> {
    counter: Counter<'a>,
    requirement: &'a Requirement,
    print: &'a Print,
    version: Version,
}

impl Visited<'_> {
    async fn answer<E>(
        &self,
        delivered: Result<Delivered>,
        outcome: Option<Outcome<E>>,
        charged: bool,
    ) -> Result<Answer, E> {
        let (shared, version) = (self.counter.shared, self.version);
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
            (Ok(Delivered::Again(r)), _) => done(again(shared, self.print, &r, version).await),
            (Ok(_), _) => Ok(*internal(&Error::us(Code::Internal))),
            (Err(e), _) => {
                // Upfront, everything but a bad payment may have happened after the money moved.
                let early = self.requirement.flow == Flow::Authorization || e.blame == Blame::Payer;
                let stage = if charged || !early { Stage::Settling } else { Stage::Before };
                Ok(self.counter.refuse(&e, stage, version, Some(self.requirement)))
            }
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
        till: Till {
            metered: cell.is_some_and(|c| c.capability.metered),
            dollar_decimals: dollars.map(|t| t.decimals),
        },
        flow: requirement.flow,
        print: admitted.arrival.print.clone(),
        window: terms.as_ref().map_or(Time::ZERO, |t| t.settle_before),
        info: PaymentInfo {
            payer: terms.and_then(|t| t.payer),
            amount: requirement.price.0,
            network: requirement.chain,
            requirement: posted.offers.iter().position(|p| is_same(&p.offer.requirement, requirement)),
            version,
        },
        opens: None,
        told: None,
        outcome: None,
        charged: false,
        body: PhantomData,
    }
}

/// The same offer, in whichever version.
fn is_same(a: &Requirement, b: &Requirement) -> bool {
    (a.scheme, a.method, a.price, a.pay_to, a.flow) == (b.scheme, b.method, b.price, b.pay_to, b.flow)
}
