//! EVM networks for Tollway, over alloy.
//!
//! The router sees [`tollway_core::Network`]; a scheme asks for [`Evm`], this crate's own typed trait, when it is
//! built: `site.chain::<dyn Evm>()`. `tollway-exact-eip3009` is such a scheme, and `tollway-devnet` runs such chains on
//! this machine.
//!
//! # The rooms
//! | module | what is there |
//! |---|---|
//! | [`evm`] | the typed trait: looks, sends, receipts, funds |
//! | [`network`] | [`EvmNetwork`], the trait over a real node |
//! | [`family`], [`profiles`] | what is known of chains and tokens without a node |
//! | [`eip712`], [`signature`] | digests, domains, who signed |
//! | [`trial`] | a transaction tried out: what it does, what it uses, whose code decides |
//! | [`keys`] | signers with the key in memory |
//! | [`custody`] | what is asked of a key, and keys that are held to a policy |
//! | [`oracle`] | USD prices |
//! | [`permit2`] | what the cells over Permit2 share |
//! | [`screen`] | a sanctions list on chain |
//! | [`send`] | at most one transaction per key, whatever breaks |
//! | `fees` | one look prices any transaction: base fee, tips, L1 data, operator |
//! | [`gas`] | gas, learned from receipts |
//! | `checkup` | are the chain's clock and tokens what they should be |
//! | `look`, `logs`, `holdings` | reading the chain: many calls in one question, events, balances kept warm |
//! | [`finality`] | when a mined transaction counts as done |
//! | `rpc` | the node, or several of one chain: batches, heads, what errors mean, who is asked next |
//! | `sim`, `fault` | with the feature `testkit`: a simulated chain, and faults for any |
//!
//! # Several nodes, several signers
//! `url` and `sender` may be called again: the first node is asked as long as it is well, and a transaction goes to the
//! signer with the fewest on their way, of those with coin enough. [`EvmNetwork::signers`] tells how they stand.
//!
//! # A network
//! ```no_run
//! use std::sync::Arc;
//! use tollway_core::{Clock, Ledger, Registry};
//! use tollway_evm::{EvmNetwork, LocalKey};
//!
//! # async fn example(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> tollway_core::Result<()> {
//! let key = Arc::new(LocalKey::from_hex(&std::env::var("SETTLER_KEY").unwrap_or_default())?);
//! let base = EvmNetwork::builder(ledger, clock).url("https://base.example/v2/key").sender(key).connect().await?;
//! let handle = base.handle(); // for the registry's builder
//! # let _ = handle;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod address;
mod checkup;
mod contracts;
pub mod custody;
pub mod eip712;
pub mod evm;
pub mod family;
#[cfg(feature = "testkit")]
pub mod fault;
mod fees;
pub mod finality;
pub mod gas;
mod holdings;
pub mod keys;
mod keystore;
mod logs;
mod look;
pub mod network;
mod number;
pub mod oracle;
pub mod permit2;
pub mod profiles;
mod receipt;
mod rpc;
pub mod screen;
pub mod send;
pub mod signature;
#[cfg(feature = "testkit")]
pub mod sim;
mod single;
mod tasks;
pub mod trial;

pub use checkup::checkup;
pub use evm::{At, Evm, EvmCall, GasKey, Held, Landing, LogQuery, Looked, Mined, Sent, Submit};
pub use family::FAMILY;
pub use finality::Finality;
pub use keys::LocalKey;
pub use network::{Builder, EvmNetwork};
pub use oracle::{ChainlinkOracle, FixedOracle};
pub use profiles::{FeeModel, Feed, Profile};
pub use screen::SanctionsList;
pub use send::{Inclusion, SendSettings, SignerState, Standing};
pub use trial::{Bounded, Trial, Tried, TriedCall};
