//! A payment router for x402: price every way to pay, explain the ranking, pay the cheapest safe one.

pub mod book;
pub mod house;
pub mod oracles;
pub mod plugins;
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
