use super::body::AnswerBody;
use super::converse::{ask, context, converse};
use super::line::{Line, with_url};
use super::outcome::{Asked, PaidResponse, PayError, Quoted};
use super::settings::{ClientSettings, Streaming};
use super::unfinished::Unfinished;
use crate::tasks::Tasks;
use reqwest::{Body, Client, ClientBuilder, IntoUrl, Method, Request, RequestBuilder, redirect};
use std::fmt;
use std::sync::Arc;
use tollway_core::{Code, Error, Result};
use tollway_route::Router;

/// What an answer's other headers may take, in bytes, beside a challenge.
const HEADERS_BESIDE: usize = 64 << 10;

/// A [`reqwest::Client`] that pays. Cheap to clone; clones share connections, limits, and the memory of
/// payments that brought nothing.
#[derive(Clone)]
pub struct PayingClient {
    http: Client,
    router: Arc<Router>,
    settings: Arc<ClientSettings>,
    unfinished: Arc<Unfinished>,
}

/// Shows no default headers: they may hold credentials.
impl fmt::Debug for PayingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayingClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl PayingClient {
    /// A client from reqwest's own builder. Takes the builder and not a finished client, because redirects must be
    /// off: a client that follows them would carry a payment to another origin.
    ///
    /// # Errors
    /// [`Code::BadSettings`] when reqwest refuses the builder.
    pub fn new(http: ClientBuilder, router: Arc<Router>, settings: ClientSettings) -> Result<Self> {
        // Over HTTP/2 a list of headers is refused unread above a bound of its own.
        let list = settings.limits.challenge_bytes.saturating_add(HEADERS_BESIDE);
        let http = http.http2_max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX));
        let http = http.redirect(redirect::Policy::none()).build();
        let http = http.map_err(|e| Error::caller(Code::BadSettings).detail(e.without_url().to_string()))?;
        Ok(Self { http, router, settings: Arc::new(settings), unfinished: Arc::default() })
    }

    /// The router that chooses and signs.
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// Starts a request, to be built and given to [`Self::execute`] or [`Self::quote`]. Its own `send` does not pay.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// [`Self::execute`] of a GET.
    ///
    /// # Errors
    /// As [`Self::execute`]; [`Code::BadSettings`] for a URL that cannot be read.
    pub async fn get(&self, url: impl IntoUrl) -> Result<PaidResponse, PayError> {
        let request = self.http.get(url).build().map_err(|e| {
            Error::caller(Code::BadSettings).detail(format!("no request: {}", e.without_url()))
        })?;
        self.execute(request).await
    }

    /// Sends a request, and when the answer is a 402, pays it and sends the request again.
    ///
    /// Cancel safe after a fashion: until something is signed, dropping this leaves nothing behind. Afterwards the
    /// signature is journaled and may be spent though the answer is lost; [`Router::settle_up`] finds out.
    ///
    /// # Errors
    /// * [`PayError::Failed`], nothing sent: [`Code::AlreadyPaid`]; [`Code::BodyNotReplayable`] where
    ///   [`Streaming`] says so.
    /// * [`PayError::Failed`], nothing paid: [`Code::InsecureTransport`]; [`Code::BodyNotReplayable`]; an unreadable
    ///   challenge; [`Code::NoRoute`] with every reason, and all that [`Router::pay`] refuses.
    /// * [`PayError::Failed`] with an unknown outcome: a signature is out and nobody could say what became of it.
    /// * [`PayError::Unanswered`]: the unpaid request got no answer.
    /// * [`PayError::Undelivered`]: money moved and the content was lost.
    pub async fn execute(&self, request: Request) -> Result<PaidResponse, PayError> {
        let mut line = self.line(request).await?;
        let tasks = Tasks::tokio();
        let (response, standing) =
            converse(&self.router, &self.unfinished, &tasks, &self.settings, &mut line).await?;
        Ok(PaidResponse { response: finish(response, &line), standing })
    }

    /// Sends a request without a payment and explains what paying for it would mean. Signs nothing, reserves
    /// nothing; a server that asks for nothing has answered, and done what it was asked. Cancel safe.
    ///
    /// # Errors
    /// As [`Self::execute`] before anything is paid.
    pub async fn quote(&self, request: Request) -> Result<Quoted, PayError> {
        let mut line = self.line(request).await?;
        let families = self.router.registry().families();
        let (response, challenge) = ask(&Tasks::tokio(), &self.settings, families, &mut line).await?;
        let Some(challenge) = challenge else { return Ok(Quoted::Free(finish(response, &line))) };
        let target = super::wire::Wire::target(&line);
        let considered = self.router.consider(&challenge, context(&target)).await;
        let explanation = considered.explain(self.router.registry());
        Ok(Quoted::Asked(Box::new(Asked { challenge, explanation, host: target.host })))
    }

    async fn line(&self, mut request: Request) -> Result<Line<'_>> {
        if request.try_clone().is_none() {
            match self.settings.streaming {
                Streaming::Once => {}
                Streaming::Refuse => {
                    return Err(Error::caller(Code::BodyNotReplayable)
                        .detail("the body streams and cannot be sent twice; nothing was sent"));
                }
                Streaming::Buffer(max) => buffer(&mut request, max).await?,
            }
        }
        Ok(Line::new(&self.http, request, self.settings.redirects))
    }
}

/// Reads the request's body into memory.
async fn buffer(request: &mut Request, max: usize) -> Result<()> {
    let Some(body) = request.body_mut().take() else { return Ok(()) };
    let peeked = AnswerBody::new(body).peek(max).await;
    if !peeked.whole || peeked.bytes.len() > max {
        return Err(Error::caller(Code::BodyNotReplayable)
            .detail(format!("the body is broken or longer than {max} bytes; nothing was sent")));
    }
    *request.body_mut() = Some(peeked.bytes.into());
    Ok(())
}

fn finish(response: http::Response<AnswerBody<Body>>, line: &Line<'_>) -> reqwest::Response {
    with_url(response.map(Body::wrap), line.url().clone())
}
