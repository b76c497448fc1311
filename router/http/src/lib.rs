//! The mouth of Tollway: x402 over HTTP, spoken by the side that pays, the side that sells and the side that settles.
//!
//! | module | feature | what is there |
//! |---|---|---|
//! | [`codec`] | always | headers and bodies to the one model and back; base64, size and depth bounds |
#![cfg_attr(
    feature = "client",
    doc = "| [`client`] | `client` | a client over reqwest and a layer for tower that pay |"
)]
#![cfg_attr(
    feature = "facilitator",
    doc = "| [`facilitator`] | `facilitator` | `/verify`, `/settle`, `/supported`, `/health` over a registry's settlers |"
)]
#![cfg_attr(feature = "server", doc = "| [`server`] | `server` | a paywall as a tower layer |")]
#![cfg_attr(
    feature = "server",
    doc = "| [`meter`] | `server` | charging for what was used: tokens, events, bytes, as they go out |"
)]
#![cfg_attr(
    feature = "server",
    doc = "| [`remote`] | `server` | somebody else's facilitator as a `tollway_core::Settler` |"
)]
#![cfg_attr(feature = "spot", doc = "| [`spot`] | `spot` | prices from HTTP endpoints |")]
#![cfg_attr(
    any(feature = "client", feature = "server", feature = "facilitator"),
    doc = "| [`tasks`] | any of them | where tasks run and waits are measured: tokio, or what an application hands in |"
)]
//!
//! Nothing here names a scheme or a chain: what can be paid is what the registry holds. Each module begins with its
//! shortest example. What to pay and what to offer is decided a floor below, in [`tollway_route`]; `tollway` gives out
//! all four, ready to use, from one house.
//!
//! ```
//! # #[cfg(feature = "client")]
//! # async fn example(router: std::sync::Arc<tollway_route::Router>) -> Result<(), Box<dyn std::error::Error>> {
//! use tollway_http::client::{ClientSettings, PayingClient};
//!
//! let client = PayingClient::new(reqwest::Client::builder(), router, ClientSettings::default())?;
//! let answer = client.get("https://api.example/report").await?; // a 402 is paid within the router's policy
//! # Ok(()) }
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(feature = "client")]
pub mod client;
pub mod codec;
#[cfg(feature = "facilitator")]
pub mod facilitator;
#[cfg(feature = "server")]
pub mod meter;
#[cfg(feature = "server")]
pub mod remote;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "spot")]
pub mod spot;
#[cfg(any(feature = "client", feature = "server", feature = "facilitator"))]
pub mod tasks;

#[cfg(feature = "facilitator")]
pub use facilitator::Facilitator;
#[cfg(feature = "server")]
pub use remote::RemoteFacilitator;
