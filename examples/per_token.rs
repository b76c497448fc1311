//! A text API that is paid per token: the buyer signs the most that an answer may cost, the answer streams, and what was
//! delivered is charged. Five cents pay for 500 tokens; whoever leaves earlier pays less.
//!
//! ```text
//! tollway devnet                                   # in another terminal; prints the `export` lines
//! cargo run -p tollway-examples --bin facilitator  # in a third one
//! export TOLLWAY_FACILITATOR=http://127.0.0.1:4020
//! cargo run -p tollway-examples --bin per-token
//! TOLLWAY_MAX_USD=0.05 cargo run -p tollway-examples --bin pay -- 'http://127.0.0.1:4022/story?tokens=120'
//! ```
//! The variables are those of the `paywall` example.

use axum::body::Body;
use axum::extract::{Extension, Query};
use axum::http::{Method, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream::{self, StreamExt};
use std::convert::Infallible;
use std::env;
use std::time::Duration;
use tollway::House;
use tollway::core::{Role, Usd};
use tollway::http::meter::Meter;
use tollway::http::server::{Paywall, Priced};
use tollway::route::{SellerPolicy, Tag};

const TOKENS_MAX: u64 = 500;
const STORY: &str = "once upon a time there was a toll that nobody noticed and everybody paid ";

#[derive(serde::Deserialize)]
struct Wish {
    tokens: u64,
}

/// Stands for a language model: a token every few milliseconds, each an event, until there are enough.
async fn story(Extension(meter): Extension<Meter>, Query(wish): Query<Wish>) -> Response {
    // The same on every rail, in whichever token it is paid.
    let Ok(token) = meter.parts(TOKENS_MAX) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let words = STORY.split_whitespace().cycle().zip(0..wish.tokens);
    let events = stream::iter(words).then(move |(word, _)| {
        let price = token.price(1);
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, Infallible>((format!("data: {word}\n\n"), price))
        }
    });
    // Counted as they go out. The stream ends where the price does, whatever was wished for.
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(meter.stream(events))).into_response()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let house = House::builder()
        .name("story-api")
        .role(Role::Seller)
        .sqlite("per-token.sqlite")?
        .rpcs(env::var("TOLLWAY_RPC_URLS")?.split(','))
        .connect()
        .await?;
    let facilitator = house.remote(&env::var("TOLLWAY_FACILITATOR")?)?;
    let gate = house.gate(SellerPolicy::default(), vec![facilitator])?;

    // Networks on which nobody has metered payments yet are left out.
    let mut usdc = Vec::new();
    for pay_to in env::var("TOLLWAY_PAY_TO")?.split(',') {
        usdc.extend(house.rails("upto", "USDC", pay_to).unwrap_or_default());
    }
    let most = Tag::Usd(Usd::parse("$0.05")?);
    let paywall = Paywall::builder(gate).route(Method::GET, "/story", Priced::fixed(most, usdc)).build()?;
    // What an earlier run has delivered and not been paid for is settled now.
    paywall.recover();

    let app = axum::Router::new().route("/story", get(story)).layer(paywall.clone());
    let listen = env::var("TOLLWAY_LISTEN").unwrap_or_else(|_| "127.0.0.1:4022".to_owned());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let told = paywall.clone();
    let stop = async move {
        drop(tokio::signal::ctrl_c().await);
        // Or the server would wait for every story to end.
        told.end_streams();
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    paywall.drain(Duration::from_secs(30)).await;
    Ok(())
}
