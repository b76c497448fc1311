//! # Tollway
//!
//! HTTP 402 lets a server ask for money and a program pay it in one round trip. An x402 server may accept many ways to be
//! paid (`accepts`: scheme × network × asset). Tollway prices every one of them with live gas (execution, L1 data fee,
//! priority fee), explains the ranking, and pays, or settles, the cheapest one that is safe. It serves both sides: clients
//! that pay, and servers that verify and settle. Schemes and networks are plugins.
//!
//! ## See it
//!
//! Rust 1.95, a C compiler and Node are all it takes. This brings up Ethereum, Base, OP, Arbitrum and Base Sepolia on
//! your machine (real anvil, real chain ids, USDC at its addresses), starts a facilitator and a paid API, pays on the
//! cheapest network, spikes Base's gas, and pays again on another one:
//!
//! ```sh
//! cargo demo
//! ```
//!
//! And this runs every test, on chains that it brings up itself:
//!
//! ```sh
//! cargo test
//! ```
//!
//! ## Pay
//!
//! ```no_run
//! # #[cfg(all(feature = "client", feature = "exact-eip3009"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tollway::core::{Role, Usd};
//! use tollway::evm::LocalKey;
//! use tollway::{House, route::Policy};
//!
//! let house = House::builder()
//!     .role(Role::Payer)
//!     .sqlite("wallet.sqlite")? // what was signed must be remembered
//!     .evm_payer(LocalKey::from_hex(&std::env::var("PAYER_KEY")?)?)
//!     .evm_rpcs(["https://sepolia.base.example", "https://sepolia.optimism.example"])
//!     .connect()
//!     .await?;
//! let client = house.client(Policy { cap: Some(Usd::parse("$0.05")?), ..Policy::default() })?;
//! let answer = client.get("https://api.example.com/weather").await?;
//! println!("{:?}", answer.paid());
//! # Ok(()) }
//! ```
//!
//! Or from the shell, with `tollway devnet --write-config tollway.toml` for a start:
//!
//! ```sh
//! tollway quote https://api.example.com/weather          # the ranked table; --json for programs
//! tollway pay https://api.example.com/weather --max 0.05
//! ```
//!
//! ## Sell
//!
//! ```no_run
//! # #[cfg(all(feature = "server", feature = "exact-eip3009"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tollway::core::{Role, Usd};
//! use tollway::http::server::{Paywall, Priced};
//! use tollway::route::{SellerPolicy, Tag};
//! use tollway::House;
//!
//! let house = House::builder()
//!     .role(Role::Seller)
//!     .sqlite("shop.sqlite")?
//!     .evm_rpcs(["https://base.example", "https://optimism.example"])
//!     .connect()
//!     .await?;
//! let gate = house.gate(SellerPolicy::default(), vec![house.remote("https://facilitator.example")?]);
//! let usdc = house.rails("exact", "USDC", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C")?;
//! let paywall = Paywall::builder(gate)
//!     .route(http::Method::GET, "/weather", Priced::fixed(Tag::Usd(Usd::parse("$0.01")?), usdc))
//!     .build()?;
//! // axum: Router::new().route("/weather", …).layer(paywall)
//! # Ok(()) }
//! ```
//!
//! One route speaks x402 v1 and v2, offers every rail that is worth it, cheapest to settle first, and settles only after
//! the handler has succeeded.
//!
//! ## Settle
//!
//! ```no_run
//! # #[cfg(all(feature = "facilitator", feature = "exact-eip3009"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tollway::{House, core::Role, evm::LocalKey};
//!
//! let house = House::builder()
//!     .name("facilitator-1") // under this name it finds its own unfinished work after a restart
//!     .role(Role::Settler)
//!     .sqlite("facilitator.sqlite")?
//!     .evm_sender(LocalKey::from_hex(&std::env::var("SETTLER_KEY")?)?)
//!     .evm_rpcs(["https://base.example"])
//!     .connect()
//!     .await?;
//! let facilitator = house.facilitator().build()?;
//! facilitator.recover().await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8402").await?;
//! facilitator.serve(listener, std::future::pending()).await?;
//! # Ok(()) }
//! ```
//!
//! Or `tollway facilitator --config tollway.toml`. Longer programs of all four kinds are in `examples/`.
//!
//! ## Write a scheme
//!
//! One new crate on `tollway-core` and a chain crate; no edit in this tree. The chapter `book::scheme` of the crate docs
//! (`cargo doc --open -p tollway`) builds the smallest one there is.
//!
//! ## What it promises
//!
//! * **At most once.** An authorization is signed once per attempt, settled in at most one transaction, and serves at most
//!   one request. The same payment on the same request gets its stored receipt; on any other it is a replay.
//! * **Nothing is forgotten.** Signatures and transactions are journaled before they leave the process. An unknown outcome is
//!   resolved by looking at the chain, never by signing again.
//! * **Nothing is free by accident.** A missing or stale quote is a rejection with its reason. Every `accepts` entry comes
//!   back, ranked with all its costs or rejected.
//! * **Limits first.** No payment without a cap, none on a mainnet without an opt-in, none in a token that nobody knows.
//!
//! <!-- the README ends here -->
//!
//! The rest is the [`book`]: one payment through the rooms, what "cheapest" means, what happens when nobody answers, how to
//! add a scheme, and the reason for every default.

pub mod book;
#[cfg(feature = "evm")]
mod connect;
pub mod house;
pub mod oracles;
pub mod plugins;
mod sides;
pub mod system;

pub use house::{House, HouseBuilder};
pub use tollway_core as core;
#[cfg(feature = "evm")]
pub use tollway_evm as evm;
#[cfg(feature = "exact-eip3009")]
pub use tollway_exact_eip3009 as exact_eip3009;
pub use tollway_http as http;
pub use tollway_ledger as ledger;
pub use tollway_route as route;
