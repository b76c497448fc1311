//! A reverse proxy in front of two servers that sends requests more than once, as some are set up to do.

use crate::serve;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use futures::future::{Either, select};
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_e2e::Outcome;

/// How it sends more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// To both at once; the first answer wins, the other is not waited for.
    Mirrors,
    /// To the first, whose answer it loses, and then to the second.
    NextUpstream,
    /// To the first, whose answer it loses, and once more to the first.
    SameAgain,
    /// To both at once, and both are waited for; the second's answer is passed on.
    Compares,
}

/// The proxy.
#[derive(Debug)]
pub struct Twice {
    /// Its address.
    pub url: String,
    sent: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Way {
    servers: [String; 2],
    habit: Habit,
    client: reqwest::Client,
    sent: Arc<AtomicUsize>,
}

impl Twice {
    /// Starts it before these two.
    ///
    /// # Errors
    /// No port.
    pub async fn start(servers: [&str; 2], habit: Habit) -> Outcome<Self> {
        let sent = Arc::<AtomicUsize>::default();
        let servers = servers.map(str::to_owned);
        let way = Way { servers, habit, client: reqwest::Client::new(), sent: Arc::clone(&sent) };
        let url = serve(Router::new().fallback(pass).with_state(way)).await?;
        Ok(Self { url, sent })
    }

    /// How many requests it has sent on.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else { return nobody() };
    let first = || forward(&way, 0, &parts, body.clone());
    let second = || forward(&way, 1, &parts, body.clone());
    match way.habit {
        Habit::Mirrors => match select(pin!(first()), pin!(second())).await {
            Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
        },
        Habit::NextUpstream => {
            drop(first().await);
            second().await
        }
        Habit::SameAgain => {
            drop(first().await);
            first().await
        }
        Habit::Compares => futures::future::join(first(), second()).await.1,
    }
}

async fn forward(way: &Way, to: usize, parts: &Parts, body: Bytes) -> Response {
    way.sent.fetch_add(1, Ordering::SeqCst);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", way.servers[to]);
    let mut headers = parts.headers.clone();
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let sent = way.client.request(parts.method.clone(), url).headers(headers).body(body).send().await;
    sent.map_or_else(|_| nobody(), |answer| http::Response::<reqwest::Body>::from(answer).map(Body::new))
}

fn nobody() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}
