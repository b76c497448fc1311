//! The tower service around somebody's service.

use super::cors::{dress, preflight};
use super::paywall::Shared;
use super::refusal::{Answer, plain};
use super::stream::StreamedBody;
use super::table::Look;
use super::visit::protected;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{Either, Full};
use metrics::counter;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// Any error of a body.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: the paywall's own (also a response that was paid for, which is buffered, or streams past a
/// meter), or the untouched one of a request that costs nothing.
pub type PaywallBody<R> = Either<OwnBody, R>;
/// The body of a paywall's own answer.
pub(super) type OwnBody = Either<Full<Bytes>, StreamedBody>;

/// A service behind a [`Paywall`](super::Paywall).
#[derive(Clone)]
pub struct PaywallService<S> {
    pub(super) shared: Arc<Shared>,
    pub(super) inner: S,
}

impl<S> std::fmt::Debug for PaywallService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaywallService")
    }
}

impl<S, B, R> Service<Request<B>> for PaywallService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<PaywallBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled ready is the one that is called.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(handle(Arc::clone(&self.shared), inner, request))
    }
}

async fn handle<S, B, R>(
    shared: Arc<Shared>,
    inner: S,
    request: Request<B>,
) -> Result<Response<PaywallBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    if let Some(answer) = preflight(&shared, request.method(), request.uri().path(), request.headers()) {
        return Ok(own(answer).map(Either::Left));
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let head = is_head(request.method());
    let mut answer = match shared.table.look(request.method(), request.uri().path()) {
        Look::Free => return Ok(ready_call(inner, request).await?.map(Either::Right)),
        Look::Ambiguous => {
            own(*plain(StatusCode::BAD_REQUEST, "ambiguous_path", "this path can be read in two ways"))
        }
        Look::Route(..) if *request.method() == Method::OPTIONS => own(options()),
        Look::Route(route, path) => protected(&shared, route, &path, inner, request).await?,
    };
    counter!("tollway_paywall_answers_total", "status" => answer.status().as_u16().to_string()).increment(1);
    dress(answer.headers_mut(), origin.as_ref(), shared.settings.cors.as_ref());
    Ok(if head { head_only(answer) } else { answer }.map(Either::Left))
}

/// Some services behind do not tell `head` from `HEAD`.
pub(super) fn is_head(method: &Method) -> bool {
    method.as_str().eq_ignore_ascii_case("HEAD")
}

/// A whole answer as it is sent.
pub(super) fn own(answer: Answer) -> Response<OwnBody> {
    answer.map(|body| Either::Left(Full::new(body)))
}

/// What can be asked of a path where every method has a price. What stands behind is not told: it may take this for a
/// request like any other, and serve it.
fn options() -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let all = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    answer.headers_mut().insert(header::ALLOW, all);
    answer
}

/// The head of an answer alone, as it stands on the whole one.
fn head_only(answer: Response<OwnBody>) -> Response<OwnBody> {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|_| parts.status != StatusCode::NO_CONTENT) {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    Response::from_parts(parts, Either::Left(Full::default()))
}

/// Calls a service as soon as it is ready.
pub(super) async fn ready_call<S: Service<T>, T>(
    mut service: S,
    request: T,
) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}
