//! The service behind the paywall, as the handler of a visit.

use super::charge::Meter;
use super::headers;
use super::info::PaymentInfo;
use super::paywall::Shared;
use super::refusal::{Answer, plain};
use super::service::{BoxError, ready_call};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::marker::PhantomData;
use std::sync::Arc;
use tollway_core::flow::Handler;
use tollway_core::{Ceiling, Charge, Flow, Print, Time, async_trait};
use tower_service::Service;

/// How the service behind answered.
pub(super) enum Outcome<E> {
    /// With a response, whole; or ours in place of one that was not.
    Answer(Answer),
    /// With its own error.
    Failed(E),
}

/// Runs the service once, buffers its response, and says what it costs.
pub(super) struct Run<S, B, E> {
    pub(super) shared: Arc<Shared>,
    pub(super) work: Option<(S, Request<B>)>,
    pub(super) meter: Meter,
    pub(super) flow: Flow,
    pub(super) print: Print,
    /// Until when the payment can be used, and so until when its answer is worth keeping.
    pub(super) window: Time,
    pub(super) info: PaymentInfo,
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
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        let (service, mut request) = self.work.take()?;
        request.extensions_mut().insert(PaymentInfo { amount: ceiling.0, ..self.info });
        let settings = &self.shared.settings;
        let job = whole(service, request, settings.response_bytes_max);
        // A task of its own, so that its panic is an answer and not the end of the visit.
        let mut task = settings.tasks.spawn(job);
        let mut overrides = None;
        let outcome = match settings.tasks.timeout(settings.handler_timeout, &mut task).await {
            None => {
                task.abort();
                Outcome::Answer(*plain(
                    StatusCode::GATEWAY_TIMEOUT,
                    "handler_failed",
                    "the handler took too long",
                ))
            }
            Some(None) => internal("the handler panicked"),
            Some(Some(Err(Failure::Service(e)))) => Outcome::Failed(e),
            Some(Some(Err(Failure::TooLarge))) => internal("the response is too large to be sold"),
            Some(Some(Err(Failure::Broken))) => internal("the response broke off"),
            Some(Some(Ok(mut answer))) => {
                overrides = headers::strip_response(answer.headers_mut());
                Outcome::Answer(answer)
            }
        };
        let outcome = self.outcome.insert(outcome);
        let charge = match outcome {
            Outcome::Answer(answer) if answer.status().as_u16() < 400 => {
                charge(self.meter, ceiling, overrides.as_ref(), answer)
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
}

fn charge(
    meter: Meter,
    ceiling: &Ceiling,
    overrides: Option<&HeaderValue>,
    answer: &mut Answer,
) -> Option<Charge> {
    match meter.charge(ceiling, overrides) {
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

/// Calls the service and reads its response to the end. Trailers are dropped.
async fn whole<S, B, R>(service: S, request: Request<B>, max: usize) -> Result<Answer, Failure<S::Error>>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let response = ready_call(service, request).await.map_err(Failure::Service)?;
    let (parts, body) = response.into_parts();
    match Limited::new(body, max).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        Err(e) if e.is::<LengthLimitError>() => Err(Failure::TooLarge),
        Err(_) => Err(Failure::Broken),
    }
}
