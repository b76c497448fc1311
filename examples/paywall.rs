//! An HTTP API that sells two things in USDC, on every network whose node it knows: `/weather` for a cent, and
//! `/translate` at a price that depends on what is to be translated. A facilitator settles.
//!
//! ```text
//! tollway devnet                                  # in another terminal; prints the `export` lines
//! cargo run -p tollway-examples --bin facilitator # in a third one
//! export TOLLWAY_FACILITATOR=http://127.0.0.1:4020
//! cargo run -p tollway-examples --bin paywall
//! ```
//! Several addresses, separated by commas, are a pool: the cheapest facilitator that is well settles, one that fails gets
//! nothing until its `/health` says that it is back, and one that took too much never again. `TOLLWAY_RPC_URLS` are nodes, separated by commas; they tell what settling costs, so that only what is worth
//! offering is offered. `TOLLWAY_PAY_TO` is who is paid, an address for each family of networks, `TOLLWAY_FACILITATOR` who settles, `TOLLWAY_LISTEN` the
//! address to serve on. There is no key in here: a seller signs nothing.

use axum::http::Method;
use axum::routing::{get, post};
use std::env;
use std::sync::Arc;
use std::time::Duration;
use tollway::House;
use tollway::core::{Role, Usd};
use tollway::http::server::{Paywall, Priced};
use tollway::route::{SellerPolicy, Tag};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let house = House::builder()
        .name("weather-api")
        .role(Role::Seller)
        .sqlite("paywall.sqlite")?
        .rpcs(env::var("TOLLWAY_RPC_URLS")?.split(','))
        .connect()
        .await?;
    let facilitators = env::var("TOLLWAY_FACILITATOR")?;
    let pool = facilitators.split(',').map(|url| house.remote(url)).collect::<Result<_, _>>()?;
    let gate = house.gate(SellerPolicy::default(), pool)?;

    let mut usdc = Vec::new();
    for pay_to in env::var("TOLLWAY_PAY_TO")?.split(',') {
        usdc.extend(house.rails("exact", "USDC", pay_to)?);
    }
    let cent = Tag::Usd(Usd::parse("$0.01")?);
    let paywall = Paywall::builder(gate)
        .route(Method::GET, "/weather", Priced::fixed(cent, usdc.clone()))
        // A cent, and a hundredth of one for every byte.
        .route(
            Method::POST,
            "/translate",
            Priced::by(usdc, |question| {
                let bytes = u64::try_from(question.body.len()).unwrap_or(u64::MAX);
                Ok(Tag::Usd(Usd::from_micros(bytes.saturating_mul(100).saturating_add(10_000))))
            }),
        )
        // Who paid and lost the answer on the way gets it again.
        .answers(Arc::clone(house.ledger()), Arc::clone(house.clock()))
        .build()?;
    // What an earlier run had begun and not finished goes on in the background.
    paywall.recover();

    let app = axum::Router::new()
        .route("/", get(|| async { "GET /weather for $0.01, POST /translate for $0.01 and more\n" }))
        .route("/weather", get(|| async { "sunny, 21 °C\n" }))
        .route("/translate", post(|text: String| async move { text.chars().rev().collect::<String>() }))
        .layer(paywall.clone());
    let listen = env::var("TOLLWAY_LISTEN").unwrap_or_else(|_| "127.0.0.1:4021".to_owned());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await?;
    // Payments of clients that have hung up are still being settled.
    paywall.drain(Duration::from_secs(30)).await;
    Ok(())
}
