//! # Tollway
//!
//! HTTP 402 lets a server ask for money and a program pay it in one round trip. An x402 server may accept many ways to be
//! paid (`accepts`: scheme × network × asset). Tollway prices every one of them with live gas (execution, L1 data fee,
//! priority fee), explains the ranking, and pays, or settles, the cheapest one that is safe. It serves both sides: clients
//! that pay, and servers that verify and settle. Schemes and networks are plugins.
//!
//! ## See it
//!
//! Rust 1.95, a C compiler and Node with npm are all it takes. This brings up Ethereum, Base, OP, Arbitrum, Base
//! Sepolia and Solana on your machine (real anvil and surfpool, real chain ids, USDC at its addresses), starts a
//! facilitator and a paid API, pays on the cheapest network, spikes its fees, and pays again on another one; twice:
//!
//! ```sh
//! cargo demo
//! ```
//!
//! It takes seconds once it is built; the first run fetches anvil, surfpool and a Solidity compiler with npm. `--json`
//! prints the same as one JSON object. And this runs every test, on chains that it brings up itself; it also wants git,
//! Python 3 and Chromium (on Debian: `apt-get install chromium`):
//!
//! ```sh
//! cargo test
//! ```
//!
//! ## Try it
//!
//! The same with commands of your own, from this folder. Three shells stay open; paste the `export` lines that the first
//! one prints into the others:
//!
//! ```sh
//! cargo install --locked --path router/cli           # the `tollway` command
//! tollway devnet --write-config tollway.toml         # shell 1: local chains, until Ctrl-C
//! tollway facilitator                                # shell 2: settles, on port 8402
//! export TOLLWAY_FACILITATOR=http://127.0.0.1:8402   # shell 3: a paid API, on port 4021
//! cargo run -p tollway-examples --bin paywall
//! tollway quote http://127.0.0.1:4021/weather        # shell 4: the ranked table; --json for programs
//! tollway pay http://127.0.0.1:4021/weather --max 0.05
//! ```
//!
//! `tollway.toml` names networks, keys and limits; the chapter `book::command` of the crate docs explains each line.
//!
//! ## Pay
//!
//! In a program of your own: `cargo add tollway --path <this folder>/router`, and `tokio`.
//!
//! ```no_run
//! # #[cfg(all(feature = "client", feature = "exact-eip3009"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tollway::core::{Role, Usd};
//! use tollway::{House, route::Policy};
//!
//! let house = House::builder()
//!     .role(Role::Payer)
//!     .sqlite("wallet.sqlite")? // what was signed must be remembered
//!     .payer_key(&std::env::var("PAYER_KEY")?)?
//!     .rpcs(["https://sepolia.base.example", "https://sepolia.optimism.example"])
//!     .connect()
//!     .await?;
//! let client = house.client(Policy { cap: Some(Usd::parse("$0.05")?), ..Policy::default() })?;
//! client.router().settle_up().await?; // what became of payments that an earlier run left open
//! let answer = client.get("https://api.example.com/weather").await?;
//! println!("{:?}", answer.paid());
//! # Ok(()) }
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
//!     .rpcs(["https://base.example", "https://optimism.example"])
//!     .connect()
//!     .await?;
//! let gate = house.gate(SellerPolicy::default(), vec![house.remote("https://facilitator.example")?])?;
//! let usdc = house.rails("exact", "USDC", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C")?;
//! let paywall = Paywall::builder(gate)
//!     .route(http::Method::GET, "/weather", Priced::fixed(Tag::Usd(Usd::parse("$0.01")?), usdc))
//!     .build()?;
//! paywall.recover(); // goes on with what an earlier run had begun
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
//! use tollway::{House, core::Role};
//!
//! let house = House::builder()
//!     .name("facilitator-1") // under this name it finds its own unfinished work after a restart
//!     .role(Role::Settler)
//!     .sqlite("facilitator.sqlite")?
//!     .sender_key(&std::env::var("SETTLER_KEY")?)?
//!     .rpcs(["https://base.example"])
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
//! walks through one in 300 lines, as somebody outside would write it (it is among the examples). One line in its
//! tests proves it, on a simulated chain with every order of await points, lost answers and crashes:
//!
//! ```text
//! tollway_testkit::scheme_suite!(MyStand);
//! ```
//!
//! `network_suite!`, `ledger_suite!` and `oracle_suite!` do the same for the other plugins. To read all docs, run
//! `cargo doc --workspace --no-deps --lib` and open `target/doc/tollway/index.html`.
//!
//! ## What it promises
//!
//! * **At most once.** An authorization is signed once per attempt, settled in at most one transaction, and serves at most
//!   one request. The same payment on the same request gets its stored receipt; on any other it is a replay.
//! * **Nothing is forgotten.** Signatures and transactions are journaled before they leave the process. An unknown outcome is
//!   resolved by looking at the chain, never by signing again.
//! * **Nothing is free by accident.** A missing or stale quote is a rejection with its reason. Every `accepts` entry comes
//!   back, ranked with all its costs or rejected.
//! * **Limits first.** No payment without a cap, none on a mainnet without an opt-in, none in a token that nobody vouches
//!   for.
//!
//! ## Measured
//!
//! On 2 virtual cores of an AMD EPYC, shared with other work; each command prints its own table.
//!
//! What a settlement was predicted to cost, at most one block before it was in one, against what it took from the settler's
//! balance; base fees follow a recorded EIP-1559 walk, the token is in no table, half of the payees are new
//! (`cargo test -p tollway-market-tests --test prediction -- --nocapture`):
//!
//! | network | settlements | off, median | off, p95 | off, most |
//! |---|---|---|---|---|
//! | Ethereum | 50 | 0.01 % | 0.03 % | 0.05 % |
//! | Base | 50 | 0.07 % | 0.09 % | 0.11 % |
//! | OP | 50 | 0.07 % | 0.09 % | 0.09 % |
//! | Arbitrum | 50 | 0.27 % | 0.34 % | 0.35 % |
//!
//! On Solana the payer fixes the fee when it signs: 50 of 50 predictions came true to the lamport, while the priority fee
//! walked, and so did the rent of a payee's new account (`cargo test -p tollway-market-tests --test solana`).
//!
//! Requests to the node on the path of 100 payments: 100 for `/verify`, 200 for `/settle` where the node answers
//! `eth_sendRawTransactionSync`; 205 by polling and 323 over a WebSocket where it does not
//! (`cargo test -p tollway-market-tests --test round_trips -- --nocapture`). On Solana 100 and 200, the subscription to the
//! end of a payment counted (`--test solana`).
//!
//! Time, against a floor measured in turns with it on a busy machine (`cargo bench -p tollway-bench -- --table`; the
//! floors are bare `base64-simd` and borrowed `serde_json`, bare libsecp256k1 recovery, a bare sort of integers):
//!
//! | operation | floor | ours | ratio | goal |
//! |---|---|---|---|---|
//! | payment header → offer among 16, echoed byte for byte | 0.80 µs | 0.92 µs | 1.16 | ≤ 1.4 |
//! | payment header → offer among 16, keys in another order | 0.81 µs | 1.06 µs | 1.31 | ≤ 1.4 |
//! | payment header → verdict offline, first sight | 28.98 µs | 32.83 µs | 1.13 | ≤ 1.15 |
//! | payment header → verdict offline, seen before | 28.98 µs | 2.60 µs | 0.09 | |
//! | 402 of 16 entries → read into the model | 5.43 µs | 4.96 µs | 0.91 | |
//! | 402 of 16 entries → priced, ranked, best selected | 5.43 µs | 9.53 µs | 1.75 | ≤ 1.8 |
//! | ranking 16 finished costs | 0.08 µs | 0.18 µs | | ≤ 1 µs |
//! | ranking 256 finished costs | 3.02 µs | 4.52 µs | | ≤ 10 µs |
//!
//! On Solana a payment's header is judged in 37.2 µs, one bare `verify_strict` of the same message takes 35.6 µs: 104 %, of
//! at most 130 (`cargo bench -p tollway-exact-spl`).
//!
//! Settling beside the facilitators of others, on the same build of anvil, 32 payments in flight, a transaction for each,
//! ours with the journal on disk and each payment simulated first. A node that mines every transaction at once; then, in
//! the last three columns, a block each second, from its `newHeads` event to the HTTP answer. One run of `cargo bench -p
//! tollway-e2e --bench settle -- --table` takes four minutes, once a first one has built them all; this one had the machine to
//! itself. They are as their packages come, and have one key where nothing else is said: for a receipt, x402-rs and r402
//! look every 7 s, the TypeScript SDK every second; to look every 50 ms is one line of an operator's own. The node keeps
//! no state of old blocks; a read that a new block overtakes fails there, which is what failed in two of the others, and ours asks
//! again. On a node that keeps them (`--states`) ours made 980, 758 and 860 settlements a second in three runs with one key.
//!
//! | 32 in flight | settlements/s | p50 ms | p99 ms | CPU ms each | node's CPU ms each | RPC calls each | block → answer p50 ms | p99 ms | within 50 ms |
//! |---|---|---|---|---|---|---|---|---|---|
//! | node alone | 1704 | 17.9 | 27.7 |  | 0.73 |  | 0.66 | 1.67 | 100 % |
//! | Tollway, 1 key | 1166 | 26.9 | 42.5 | 0.49 | 0.86 | 2.0 | 3.37 | 4.42 | 100 % |
//! | Tollway, 8 keys | 769 | 40.9 | 61.5 | 0.72 | 1.32 | 2.0 | 4.09 | 6.80 | 100 % |
//! | Tollway, 32 keys | 702 | 45.0 | 74.7 | 0.67 | 1.40 | 2.0 | 3.56 | 5.97 | 100 % |
//! | x402-rs 2.0.2 (17 failed, 247 measured) | 8.4 | 6966.5 | 7026.5 | 0.42 | 1.93 | 6.0 | 6055.0 | 6058.5 | 0 % |
//! | x402-rs 2.0.2, polling every 50 ms (125 failed, 1197 measured) | 461 | 68.3 | 122.9 | 0.55 | 2.56 | 6.0 | 19.0 | 45.2 | 100 % |
//! | r402 0.21.0 (16 failed, 384 measured) | 17.5 | 3.60 | 7043.0 | 0.73 | 2.45 | 9.2 | 6048.4 | 6060.7 | 0 % |
//! | r402 0.21.0, polling every 50 ms (155 failed, 1165 measured) | 472 | 70.6 | 95.3 | 0.65 | 2.46 | 9.0 | 16.4 | 44.8 | 100 % |
//! | TypeScript SDK 2.26.0 | 149 | 177.4 | 1000.9 | 6.92 | 2.29 | 7.0 | 657.1 | 1006.1 | 0 % |
//! | TypeScript SDK 2.26.0, polling every 50 ms | 160 | 186.8 | 306.8 | 7.06 | 2.35 | 7.1 | 53.2 | 91.4 | 46 % |
//! | Python SDK 2.25.0 | 47.3 | 649.5 | 1188.7 | 22.2 | 1.35 | 7.0 | 102.8 | 184.7 | 23 % |
//!
//! <!-- the README ends here -->
//!
//! The rest is the [`book`]: one payment through the rooms, what "cheapest" means, what happens when nobody answers, how to
//! add a scheme, and the reason for every default.
//!
//! # This crate
//! The front door. It holds the [`House`], which puts chains, prices, memory and time together and gives out each side of
//! a payment, and it hands on the rooms behind it:
//!
//! | module | room |
//! |---|---|
//! | [`core`] | the contract: what a payment is, and what may never happen to it |
//! | [`route`] | the brain: prices, ranks, keeps limits, pays, makes offers |
//! | [`http`] | the mouth: client, paywall, facilitator, other people's facilitators |
//! | [`ledger`] | the memory: what survives a crash |
#![cfg_attr(feature = "evm", doc = "| [`evm`] | a family of networks, and its keys |")]
#![cfg_attr(feature = "solana", doc = "| [`solana`] | another family of networks, and its keys |")]
#![cfg_attr(feature = "exact-eip3009", doc = "| [`exact_eip3009`] | a scheme: `exact` by EIP-3009 |")]
#![cfg_attr(
    feature = "exact-permit2",
    doc = "| [`exact_permit2`] | a scheme: `exact` by Permit2, in any ERC-20 token |"
)]
#![cfg_attr(feature = "exact-spl", doc = "| [`exact_spl`] | a scheme: `exact` in SPL tokens |")]
#![cfg_attr(
    feature = "upto-permit2",
    doc = "| [`upto_permit2`] | a scheme: `upto` by Permit2, for what is metered |"
)]
//! | [`plugins`], [`oracles`], [`system`] | what a house is made of: schemes and networks, prices, clock and randomness |
//!
//! # Features
//! `client`, `server`, `facilitator`, `spot` (prices over HTTP), `postgres` (a ledger for a fleet; not on by default), one
//! for each family of networks: `evm`, `solana`, and one for each scheme: `exact-eip3009`, `exact-permit2`, `exact-spl`,
//! `upto-permit2`. All others are on by default.

pub mod book;
mod connect;
pub mod house;
pub mod nodes;
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
#[cfg(feature = "exact-permit2")]
pub use tollway_exact_permit2 as exact_permit2;
#[cfg(feature = "exact-spl")]
pub use tollway_exact_spl as exact_spl;
pub use tollway_http as http;
pub use tollway_ledger as ledger;
pub use tollway_route as route;
#[cfg(feature = "solana")]
pub use tollway_solana as solana;
#[cfg(feature = "upto-permit2")]
pub use tollway_upto_permit2 as upto_permit2;
