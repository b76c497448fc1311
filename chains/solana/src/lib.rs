//! Solana networks for Tollway, over JSON-RPC.
//!
//! The router sees [`tollway_core::Network`]; a scheme asks for [`Svm`], this crate's own typed trait, when it is
//! built: `site.chain::<dyn Svm>()`.
//!
//! # The rooms
//! | module | what is there |
//! |---|---|
//! | [`svm`] | the typed trait: looks, trials, sends, history |
//! | [`network`] | [`SolanaNetwork`], the trait over real nodes |
//! | [`family`], [`profiles`] | what is known of clusters and tokens without a node |
//! | [`address`], [`token`], [`signature`] | addresses and token accounts, mints and their extensions, who signed |
//! | [`keys`] | signers with the key in memory |
//! | [`oracle`] | USD prices |
//! | [`send`] | at most one transaction per key, whatever breaks |
//! | [`fees`] | one look prices any transaction: signatures, compute, rent |
//! | [`finality`] | when a transaction counts as done |
//! | [`fault`] | why one fails |
//! | `read`, `warm` | reading the chain; what is asked for again and again, kept warm |
//! | `checkup` | are the chain's clock and tokens what they should be |
//! | `rpc` | the nodes: batches, pushes, what their errors mean |
//!
//! The nodes are spoken to by this crate's own small client. The Solana RPC client would bring some two hundred more
//! crates along, reads answers of any size, and cannot ask several things in one round trip.
//!
//! # A network
//! ```no_run
//! use std::sync::Arc;
//! use tollway_core::{Clock, Ledger};
//! use tollway_solana::{LocalKey, SolanaNetwork};
//!
//! # async fn example(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> tollway_core::Result<()> {
//! let key = Arc::new(LocalKey::from_env("SETTLER_KEY")?);
//! let solana = SolanaNetwork::builder(ledger, clock).url("https://solana.example/key").fee_payer(key).connect().await?;
//! let handle = solana.handle(); // for the registry's builder
//! # let _ = handle;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod address;
mod base64;
mod checkup;
pub mod custody;
pub mod family;
pub mod fault;
pub mod fees;
pub mod finality;
mod height;
pub mod keys;
pub mod network;
pub mod oracle;
pub mod profiles;
mod read;
mod rpc;
pub mod send;
pub mod signature;
mod single;
pub mod svm;
mod tasks;
pub mod token;
mod warm;
mod wire;

pub use checkup::checkup;
pub use family::FAMILY;
pub use fault::Fault;
pub use finality::Finality;
pub use keys::LocalKey;
pub use network::{Builder, SolanaNetwork};
pub use oracle::{PythFeed, PythOracle};
pub use profiles::Profile;
pub use send::SendSettings;
pub use svm::{
    At, Blockhash, Call, Find, Inner, Landed, Looked, Recorded, Sent, State, Status, Submit, Svm,
    TokenChange, Trial, Tried,
};
pub use token::{Extension, Holding, HoldingState, Mint, TokenAccount, TokenProgram, TransferFee};

pub use solana_hash::Hash;
pub use solana_pubkey::Pubkey;
pub use solana_signature::Signature;
pub use solana_signer::Signer;

/// The most bytes of a transaction, signatures included.
pub const PACKET_BYTES_MAX: usize = 1232;
/// Blocks that a blockhash can be built on.
pub const BLOCKHASH_BLOCKS: u64 = 150;
/// Slots come every 400 ms; no chain of this kind makes them faster than this.
const SLOT_MS_MIN: u64 = 100;
/// The newest processed block is no more than so many ahead of the newest confirmed one while the chain is alive.
const FORK_BLOCKS_MAX: u64 = 64;
/// Slots that a fee quote holds.
const SLOTS_PER_QUOTE: u64 = 10;
