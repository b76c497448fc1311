use super::feed::Feed;
use super::number;
use http::header;
use reqwest::{Client, Response, redirect};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Clock, Code, Error, Result, Time};

/// The longest a request takes, its answer included.
const LIMIT: Duration = Duration::from_secs(3);
/// The most bytes that are read of an answer.
const BODY_MAX: usize = 256 * 1024;

/// What a feed says one whole coin is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) answer: u128,
    pub(super) answer_decimals: u8,
    pub(super) at: Time,
}

pub(super) fn client() -> Result<Client> {
    let builder = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(LIMIT);
    builder.build().map_err(|_| Error::caller(Code::BadSettings).detail("no HTTP client for price feeds"))
}

/// One request. Errors show the host and nothing of what came back.
pub(super) async fn rate(client: Client, feed: Feed, clock: Arc<dyn Clock>) -> Result<Rate> {
    let gone = |e: reqwest::Error| match e.is_timeout() {
        true => feed.error(Code::TimedOut, "no answer in time"),
        false => feed.error(Code::NoPrice, "it cannot be reached"),
    };
    let response = client.get(feed.url.clone()).headers(feed.headers.clone()).send().await.map_err(gone)?;
    if !response.status().is_success() {
        return Err(feed.error(Code::NoPrice, &format!("status {}", response.status().as_u16())));
    }
    let age_secs = age(&response);
    let body = body(&feed, response).await?;
    let unread = |words| feed.error(Code::InvalidAnswer, words);
    let text = std::str::from_utf8(&body).map_err(|_| unread("its answer is no text"))?;
    let (answer, answer_decimals) =
        number::price(text, &feed.price).map_err(|e| feed.error(e.code, &e.detail))?;
    let at = match &feed.time {
        Some(pointer) => {
            let secs =
                number::whole(text, pointer).ok_or_else(|| unread("no Unix time where it should be"))?;
            Time::from_secs(secs)
        }
        None => clock.now().minus_ms(age_secs.saturating_mul(1000)),
    };
    feed.fresh(at, clock.now())?;
    Ok(Rate { answer, answer_decimals, at })
}

/// For how long caches on the way have had the answer. Source: RFC 9111, 5.1.
fn age(response: &Response) -> u64 {
    let age = response.headers().get(header::AGE).and_then(|value| value.to_str().ok());
    age.map_or(0, |secs| secs.trim().parse().unwrap_or(u64::MAX))
}

async fn body(feed: &Feed, mut response: Response) -> Result<Vec<u8>> {
    let mut read = Vec::new();
    let broken = |e: reqwest::Error| match e.is_timeout() {
        true => feed.error(Code::TimedOut, "no whole answer in time"),
        false => feed.error(Code::NoPrice, "its answer broke off"),
    };
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if read.len().saturating_add(chunk.len()) > BODY_MAX {
            return Err(feed.error(Code::TooLarge, "its answer is larger than is read"));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}
