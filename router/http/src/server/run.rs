//! The service behind the paywall, as the handler of a visit.

use super::charge::Till;
use super::headers;
use super::info::PaymentInfo;
use super::paywall::Shared;
use super::receipts::Form;
use super::refusal::{Answer, plain};
use super::service::{BoxError, ready_call};
use super::stream::StreamedBody;
use super::streaming::{self, Watched};
use crate::meter::Meter;
use bytes::Bytes;
use futures::channel::oneshot;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::marker::PhantomData;
use std::sync::Arc;
use tollway_core::flow::{Handler, Tab};
use tollway_core::wire::SettleResponse;
use tollway_core::{Ceiling, Charge, Flow, Print, Result, Time, async_trait};
use tower_service::Service;

/// How the service behind answered.
pub(super) enum Outcome<E> {
    /// With a response, whole; or ours in place of one that was not.
    Answer(Answer),
    /// With its own error.
    Failed(E),
}

/// Runs the service once, buffers its response or lets it stream past a meter, and says what it costs.
pub(super) struct Run<S, B, E> {
    pub(super) shared: Arc<Shared>,
    pub(super) work: Option<(S, Request<B>)>,
    pub(super) till: Till,
    pub(super) flow: Flow,
    pub(super) print: Print,
    /// Until when the payment can be used, and so until when its answer is worth keeping.
    pub(super) window: Time,
    pub(super) info: PaymentInfo,
    /// Takes an answer that streams; dropped where there is none.
    pub(super) opens: Option<oneshot::Sender<Response<StreamedBody>>>,
    /// Takes the receipt of an answer that streams.
    pub(super) told: Option<oneshot::Sender<Box<SettleResponse>>>,
    pub(super) outcome: Option<Outcome<E>>,
    /// True when the handler succeeded, so that a later error is about settling.
    pub(super) charged: bool,
    pub(super) body: PhantomData<fn() -> B>,
}

enum Failure<E> {
    Service(E),
    TooLarge,
    Broken,
}

/// What came of a call.
enum Called<R> {
    /// A whole answer, with the override of its trailers.
    Whole(Answer, Option<HeaderValue>),
    /// One that the meter streams.
    Streams(Response<R>),
}

#[async_trait]
impl<S, B, R> Handler for Run<S, B, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    async fn run(&mut self, _: &Ceiling) -> Option<Charge> {
        // The driver calls `serve`.
        None
    }

    async fn serve(&mut self, ceiling: &Ceiling, tab: &mut dyn Tab) -> Option<Charge> {
        let (service, mut request) = self.work.take()?;
        let meter = Meter::new(*ceiling, self.till.metered);
        request.extensions_mut().insert(PaymentInfo { amount: ceiling.0, ..self.info });
        request.extensions_mut().insert(meter.clone());
        let settings = &self.shared.settings;
        // Only then is there a charge left to be decided, and a claim to note it on.
        let may_stream = self.till.metered && self.flow == Flow::Authorization;
        let streams = may_stream.then(|| meter.clone());
        let job = called(service, request, settings.response_bytes_max, streams);
        // A task of its own, so that its panic is an answer and not the end of the visit.
        let mut task = settings.tasks.spawn(job);
        let mut overrides = None;
        let outcome = match settings.tasks.timeout(settings.handler_timeout, &mut task).await {
            None => {
                task.abort();
                let words = "the handler took too long";
                Outcome::Answer(*plain(StatusCode::GATEWAY_TIMEOUT, "handler_failed", words))
            }
            Some(None) => internal("the handler panicked"),
            Some(Some(Err(Failure::Service(e)))) => Outcome::Failed(e),
            Some(Some(Err(Failure::TooLarge))) => internal("the response is too large to be sold"),
            Some(Some(Err(Failure::Broken))) => internal("the response broke off"),
            Some(Some(Ok(Called::Streams(response)))) => {
                return self.stream(response, &meter, ceiling, tab).await;
            }
            Some(Some(Ok(Called::Whole(mut answer, trailing)))) => {
                let heading = headers::strip_response(answer.headers_mut());
                overrides = trailing.or(heading);
                Outcome::Answer(answer)
            }
        };
        self.whole(outcome, &meter, ceiling, overrides.as_ref()).await
    }
}

impl<S, B, E> Run<S, B, E> {
    /// The charge for a whole answer, which is kept.
    async fn whole(
        &mut self,
        outcome: Outcome<E>,
        meter: &Meter,
        ceiling: &Ceiling,
        overrides: Option<&HeaderValue>,
    ) -> Option<Charge> {
        let outcome = self.outcome.insert(outcome);
        let charge = match outcome {
            Outcome::Answer(answer) if answer.status().as_u16() < 400 => {
                charge(self.till.close(meter, ceiling, overrides), answer)
            }
            _ => None,
        };
        self.charged = charge.is_some();
        // Kept before the money moves: whoever has paid finds it, even if this process dies in between.
        if let (Outcome::Answer(answer), Some(answers)) = (outcome, &self.shared.answers)
            && (self.charged || self.flow != Flow::Authorization)
            && let Err(e) = answers.put(&self.print, answer, self.window).await
        {
            tracing::warn!(code = %e.code, "an answer could not be kept");
        }
        charge
    }

    /// Sends the head, and the body after it; the charge is what was counted when that has ended.
    async fn stream<R>(
        &mut self,
        mut response: Response<R>,
        meter: &Meter,
        ceiling: &Ceiling,
        tab: &mut dyn Tab,
    ) -> Option<Charge>
    where
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let overrides = headers::strip_response(response.headers_mut());
        headers::private(response.headers_mut());
        headers::announce_receipt(response.headers_mut(), self.info.version);
        let form = Form::of(response.headers(), self.info.version);
        let Shared { settings, visits, .. } = &*self.shared;
        let watched = Watched { meter, ceiling, till: self.till, settings, visits, overrides };
        meter.tally().open(watched.risk());
        let (parts, inner) = response.into_parts();
        let inner = Box::pin(inner.map_err(Into::into));
        let (body, ends) = StreamedBody::new(inner, Arc::clone(meter.tally()), form);
        self.told = Some(ends.told);
        self.charged = true;
        // A client that has left already drops the body, which ends it.
        drop(self.opens.take()?.send(Response::from_parts(parts, body)));
        let limit = streaming::limit(settings, self.window, self.shared.gate.clock().now());
        watched.follow(ends.ended, tab, limit).await
    }
}

fn charge(charge: Result<Charge>, answer: &mut Answer) -> Option<Charge> {
    match charge {
        Ok(charge) => Some(charge),
        Err(e) => {
            tracing::error!(error = %e, "the handler's charge cannot be taken");
            *answer = *plain(StatusCode::INTERNAL_SERVER_ERROR, "handler_failed", "");
            None
        }
    }
}

fn internal<E>(words: &str) -> Outcome<E> {
    tracing::error!("{words}");
    Outcome::Answer(*plain(StatusCode::INTERNAL_SERVER_ERROR, "handler_failed", words))
}

/// Calls the service and reads its response to the end, unless it succeeded and `streams` has made a body for it. Trailers
/// are dropped, but for an override.
async fn called<S, B, R>(
    service: S,
    request: Request<B>,
    max: usize,
    streams: Option<Meter>,
) -> Result<Called<R>, Failure<S::Error>>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let response = ready_call(service, request).await.map_err(Failure::Service)?;
    if response.status().as_u16() < 400 && streams.is_some_and(|meter| meter.tally().streams()) {
        return Ok(Called::Streams(response));
    }
    let (mut parts, body) = response.into_parts();
    match Limited::new(body, max).collect().await {
        Ok(body) => {
            parts.headers.remove(header::TRAILER);
            let trailing = body.trailers().and_then(|t| t.get(headers::SETTLEMENT_OVERRIDES).cloned());
            Ok(Called::Whole(Response::from_parts(parts, body.to_bytes()), trailing))
        }
        Err(e) if e.is::<LengthLimitError>() => Err(Failure::TooLarge),
        Err(_) => Err(Failure::Broken),
    }
}
