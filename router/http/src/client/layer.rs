//! The same for any tower service.

use super::body::AnswerBody;
use super::converse::converse;
use super::outcome::PayError;
use super::settings::ClientSettings;
use super::unfinished::{Key, Unfinished};
use super::wire::{Again, Failure, Stamp, Target, Wire};
use crate::tasks::Tasks;
use bytes::Bytes;
use futures::FutureExt;
use http::header::HOST;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Collected, Full};
use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tollway_core::{Code, Error, async_trait};
use tollway_route::Router;
use tower_layer::Layer;
use tower_service::Service;

/// Makes any HTTP client a paying one, by the rules of [`super`].
///
/// * Bodies are cloned to be sent twice, so a clone must be the whole body (`Bytes`, `Full<Bytes>`, `String`).
/// * [`super::Standing`] is put into the response's extensions.
/// * Of the service below nothing is known but that it failed: a failed sending counts as one that may have arrived.
/// * A layer above that retries, or gives up waiting, does not pay twice: see "Asking for the same thing again" in
///   [`super`]. A body of another type than `Bytes`, `Full<Bytes>`, `String` and `Vec<u8>` cannot be compared: such a
///   request is known again where its method has no body, or by its `Idempotency-Key`.
/// * Wrong: a layer below this one that follows redirects, which would carry a payment to another origin, or one that
///   logs headers without regard to [`http::HeaderValue::is_sensitive`]. Right: such a layer above this one.
/// * The request's URI has to be absolute: without scheme and host nobody knows whom a payment goes to.
///
/// ```
/// # fn example<S>(router: std::sync::Arc<tollway_route::Router>, client: S) {
/// use tollway_http::client::{ClientSettings, PayLayer};
/// use tower_layer::Layer;
///
/// let paying = PayLayer::new(router, ClientSettings::default()).layer(client);
/// # }
/// ```
#[derive(Clone)]
pub struct PayLayer {
    router: Arc<Router>,
    settings: Arc<ClientSettings>,
    tasks: Tasks,
    unfinished: Arc<Unfinished>,
}

impl PayLayer {
    /// A layer that pays through `router`.
    pub fn new(router: Arc<Router>, settings: ClientSettings) -> Self {
        let unfinished = Arc::default();
        Self { router, settings: Arc::new(settings), tasks: Tasks::tokio(), unfinished }
    }
    /// Measures waits elsewhere than in tokio.
    #[must_use]
    pub fn tasks(mut self, tasks: Tasks) -> Self {
        self.tasks = tasks;
        self
    }
}

impl fmt::Debug for PayLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for PayLayer {
    type Service = PayService<S>;
    fn layer(&self, inner: S) -> PayService<S> {
        let (router, settings) = (Arc::clone(&self.router), Arc::clone(&self.settings));
        let (tasks, unfinished) = (self.tasks.clone(), Arc::clone(&self.unfinished));
        PayService { inner, router, settings, tasks, unfinished }
    }
}

/// A service that pays; made by [`PayLayer`].
#[derive(Clone)]
pub struct PayService<S> {
    inner: S,
    router: Arc<Router>,
    settings: Arc<ClientSettings>,
    tasks: Tasks,
    unfinished: Arc<Unfinished>,
}

impl<S> fmt::Debug for PayService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayService").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for PayService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Clone + Send + Sync + 'static,
    R: Body<Data: Send, Error: Send> + Send + 'static,
{
    type Response = Response<AnswerBody<R>>;
    type Error = PayError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, PayError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PayError>> {
        self.inner.poll_ready(cx).map_err(|e| {
            let Failure { error, source, .. } = failure(e);
            PayError::Unanswered(error, source)
        })
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled ready goes along; its clone stays.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let (router, settings) = (Arc::clone(&self.router), Arc::clone(&self.settings));
        let (tasks, unfinished) = (self.tasks.clone(), Arc::clone(&self.unfinished));
        let mut hop = Hop { inner, request, ready: true };
        Box::pin(async move {
            let (mut response, standing) =
                converse(&router, &unfinished, &tasks, &settings, &mut hop).await?;
            response.extensions_mut().insert(standing);
            Ok(response)
        })
    }
}

/// One request over a service.
struct Hop<S, B> {
    inner: S,
    request: Request<B>,
    /// True when the caller has polled the service ready.
    ready: bool,
}

#[async_trait]
impl<S, B, R> Wire for Hop<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Clone + Send + Sync + 'static,
    R: Body<Data: Send, Error: Send> + Send,
{
    type Body = R;

    fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    fn target(&self) -> Target {
        let uri = self.request.uri();
        let named = || {
            let authority: http::uri::Authority =
                self.request.headers().get(HOST)?.to_str().ok()?.parse().ok()?;
            Some(authority.host().to_owned())
        };
        let host = uri.host().map(str::to_owned).or_else(named);
        Target::new(uri.scheme_str(), host.as_deref(), self.request.method())
    }

    fn replayable(&self) -> bool {
        true
    }

    fn key(&self) -> Option<Key> {
        let request = &self.request;
        let body = whole(request.body(), request.method(), request.headers())?;
        Some(Key::of(request.method(), &request.uri().to_string(), request.headers(), &body))
    }

    fn again(&self, stamp: &Stamp) -> Option<Again> {
        let mut request = self.request.clone();
        stamp.put(request.headers_mut());
        let kept = Mutex::new((self.inner.clone(), request));
        Some(Box::new(move || {
            let (mut inner, request) = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::pin(async move {
                poll_fn(|cx| inner.poll_ready(cx)).await.ok()?;
                Some(inner.call(request).await.ok()?.headers().clone())
            })
        }))
    }

    async fn send(&mut self, stamp: Option<&Stamp>) -> Result<Response<R>, Failure> {
        let mut request = self.request.clone();
        if let Some(stamp) = stamp {
            stamp.put(request.headers_mut());
        }
        if !std::mem::take(&mut self.ready) {
            let ready = poll_fn(|cx| self.inner.poll_ready(cx)).await;
            ready.map_err(|e| Failure { sent: false, ..failure(e) })?;
        }
        self.inner.call(request).await.map_err(failure)
    }
}

/// The bytes of a body, where its type is known to be whole; of another type, nothing for a method that has no body, or
/// where the caller has named the request himself.
fn whole<B: Any + Clone>(body: &B, method: &Method, headers: &HeaderMap) -> Option<Bytes> {
    let any: &dyn Any = body;
    if let Some(bytes) = any.downcast_ref::<Bytes>() {
        return Some(bytes.clone());
    }
    if let Some(full) = any.downcast_ref::<Full<Bytes>>() {
        let whole = full.clone().collect().now_or_never();
        return whole.and_then(Result::ok).map(Collected::to_bytes);
    }
    if let Some(text) = any.downcast_ref::<String>() {
        return Some(Bytes::copy_from_slice(text.as_bytes()));
    }
    if let Some(bytes) = any.downcast_ref::<Vec<u8>>() {
        return Some(Bytes::copy_from_slice(bytes));
    }
    let bodyless = matches!(*method, Method::GET | Method::HEAD | Method::DELETE);
    (bodyless || headers.contains_key("idempotency-key")).then(Bytes::new)
}

/// The inner error's own words stay in it: nobody knows what they hold.
fn failure(e: impl Into<Box<dyn StdError + Send + Sync>>) -> Failure {
    Failure {
        sent: true,
        error: Error::network(Code::Unreachable).detail("the service below has failed"),
        source: e.into(),
    }
}
