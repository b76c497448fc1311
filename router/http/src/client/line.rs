//! reqwest as a [`Wire`].

use super::redirect;
use super::unfinished::Key;
use super::wire::{Again, Failure, Stamp, Target, Wire};
use http::{HeaderMap, Response};
use reqwest::{Body, Client, Request, ResponseBuilderExt, Url};
use std::error::Error as StdError;
use tollway_core::{Blame, Code, Error, Next, async_trait};

/// One request over a [`Client`] that follows no redirects by itself.
pub(super) struct Line<'a> {
    client: &'a Client,
    /// Without its body once that is gone.
    request: Request,
    spent: bool,
    redirects: u8,
}

impl<'a> Line<'a> {
    pub(super) fn new(client: &'a Client, request: Request, redirects: u8) -> Self {
        Self { client, request, spent: false, redirects }
    }

    /// The request's URL, after the redirects that were followed.
    pub(super) fn url(&self) -> &Url {
        self.request.url()
    }

    /// A copy to send; a body that streams goes with the first one.
    fn copy(&mut self) -> Request {
        if let Some(copy) = self.request.try_clone() {
            return copy;
        }
        self.spent = true;
        let mut rest = Request::new(self.request.method().clone(), self.request.url().clone());
        *rest.headers_mut() = self.request.headers().clone();
        *rest.timeout_mut() = self.request.timeout().copied();
        *rest.version_mut() = self.request.version();
        std::mem::replace(&mut self.request, rest)
    }
}

#[async_trait]
impl Wire for Line<'_> {
    type Body = Body;

    fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    fn target(&self) -> Target {
        let url = self.request.url();
        Target::new(Some(url.scheme()), url.host_str(), self.request.method())
    }

    fn replayable(&self) -> bool {
        !self.spent
    }

    fn key(&self) -> Option<Key> {
        let body = self.request.body().map_or(Some(&[][..]), Body::as_bytes)?;
        let request = &self.request;
        (!self.spent).then(|| Key::of(request.method(), request.url().as_str(), request.headers(), body))
    }

    fn again(&self, stamp: &Stamp) -> Option<Again> {
        if self.spent {
            return None;
        }
        let mut request = self.request.try_clone()?;
        stamp.put(request.headers_mut());
        let client = self.client.clone();
        Some(Box::new(move || {
            let (client, request) = (client.clone(), request.try_clone());
            Box::pin(async move { Some(client.execute(request?).await.ok()?.headers().clone()) })
        }))
    }

    async fn send(&mut self, stamp: Option<&Stamp>) -> Result<Response<Body>, Failure> {
        let mut followed = 0u8;
        loop {
            let mut request = self.copy();
            if let Some(stamp) = stamp {
                stamp.put(request.headers_mut());
            }
            let response = self.client.execute(request).await.map_err(failure)?;
            // What was spent cannot be sent to another place either.
            if stamp.is_some() || self.spent {
                return Ok(response.into());
            }
            let turned = redirect::turn(&mut self.request, response.status(), response.headers());
            if !turned.map_err(refused)? {
                return Ok(response.into());
            }
            if followed >= self.redirects {
                let words = format!("more than {} redirects", self.redirects);
                return Err(refused(
                    Error::new(Code::InvalidAnswer, Blame::Payee, Next::Never).detail(words),
                ));
            }
            followed = followed.saturating_add(1);
        }
    }
}

/// Puts the URL back that reqwest keeps in its own type of response.
pub(super) fn with_url<B: Into<Body>>(response: Response<B>, url: Url) -> reqwest::Response {
    let (mut parts, body) = response.into_parts();
    if let Ok(carrier) = Response::builder().url(url).body(()) {
        parts.extensions.extend(carrier.into_parts().0.extensions);
    }
    Response::from_parts(parts, body).into()
}

fn refused(error: Error) -> Failure {
    Failure { sent: true, source: Box::new(error.clone()), error }
}

fn failure(e: reqwest::Error) -> Failure {
    let e = e.without_url();
    let sent = !(e.is_connect() || e.is_builder());
    let error = if e.is_builder() {
        Error::caller(Code::BadSettings).detail("the request cannot be built")
    } else if e.is_timeout() {
        Error::network(Code::TimedOut).detail(root(&e))
    } else if too_large(&e) {
        Error::new(Code::TooLarge, Blame::Payee, Next::Never)
            .detail("the head of the answer is too large to be read")
    } else {
        Error::network(Code::Unreachable).detail(root(&e))
    };
    Failure { sent, error, source: Box::new(e) }
}

/// True when the transport has refused the answer's headers for their size.
fn too_large(e: &reqwest::Error) -> bool {
    let mut at: Option<&(dyn StdError + 'static)> = Some(e);
    while let Some(e) = at {
        if e.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
            return true;
        }
        at = e.source();
    }
    false
}

/// The innermost reason, which is the one that says something.
fn root(e: &reqwest::Error) -> String {
    let mut at: &dyn StdError = e;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}
