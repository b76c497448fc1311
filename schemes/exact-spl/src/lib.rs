//! `exact` in SPL tokens on Solana: the payer signs one transfer of the very amount asked, the settler pays
//! its fee.
//!
//! All three roles, for Token and Token-2022. It answers for x402's `exact` on Solana chains; flows are
//! `authorization` and `upfront`. Its settings are the section `exact-spl`.
//!
//! ```
//! use tollway_core::{ChainId, Registry, Role};
//!
//! // Without a house: by name, or found by every program that links this crate (`Builder::discover`).
//! let mainnet = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")?;
//! let registry = Registry::builder().with(tollway_exact_spl::ENTRY).role(Role::Seller).bare(mainnet);
//! # let _ = registry;
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! ```text
//! payload   {transaction}: base64 of a transaction that lacks the fee payer's signature only
//! layout    SetComputeUnitLimit · SetComputeUnitPrice · TransferChecked · Memo*; Lighthouse anywhere
//! read      exactly the amount, from the payer's to the payee's associated token account, signed by the payer
//! verify    one look: mint, both accounts, and the transaction itself, tried on the newest block
//! settle    the fee payer signs, the network sends until it lands or its blockhash is too old
//! ```
//!
//! What keeps the *sponsor* safe: its key may stand in no instruction, compute limit and price and their product
//! are capped, no lookup tables are read, and one type alone can be co-signed, which only the judgement makes. What
//! keeps the *payer* safe: it signs on a blockhash of its own node, never for a fee payer that is itself, and reads
//! its own transaction with the seller's eyes before it lets it go. What keeps the *payee* safe: the signature is
//! checked here, because no simulation does; the replay key is the message's hash, because everything around the
//! message may change; and a token that would deliver less than was sent is refused.
//!
//! A transaction dies with its blockhash, which is counted in blocks:
//! [`Fate::Dead`](tollway_core::Fate::Dead) is only said when the chain is past that height at the set
//! finality *and* the message is in no block up to there.
//!
//! | file | what is there |
//! |---|---|
//! | `terms` | [`read`]: what a payload binds |
//! | `payload`, `wire` | the wire form: base64, then the transaction in place |
//! | `asked`, `layout`, `shape` | what is wanted; which instructions there are; do they do it |
//! | `build` | writing transactions |
//! | `payer`, `seller`, `settler` | the three roles |
//! | `wallet` | payments of smart wallets, judged by what they do |
//! | `sponsor` | the one place where a fee payer's signature is given |
//! | `trial`, `token` | what the chain says of a payment, and of its token |
//! | `effort` | compute units, signatures and rent |
//! | `fate`, `open` | what became of a payment; making a payee's account |
//! | `settings`, `program` | what a user may set; programs and their instructions |
//!
//! The roles are the traits of [`tollway_core`]; everything on chain goes through [`tollway_solana::Svm`].
//!
//! Sources: x402 v2 `scheme_exact_svm`; the interfaces of the token programs, compute budget, memo.
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

mod asked;
mod build;
mod effort;
mod fate;
mod layout;
mod open;
mod payer;
mod payload;
mod program;
mod seller;
mod settings;
mod settler;
mod shape;
mod sponsor;
mod terms;
mod token;
mod trial;
mod wallet;
mod wire;

pub use terms::read;

use tollway_core::{Capability, CellId, Flow, Plugin, SchemeEntry};

const SCHEME: &str = "exact";
const METHODS: &[&str] = &[""];
const FLOWS: &[Flow] = &[Flow::Authorization, Flow::Upfront];

/// The plugin: `exact` on `solana`, by a checked transfer.
pub const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: SCHEME, namespace: "solana", methods: METHODS },
    Capability::fixed(FLOWS),
    read,
)
.section(settings::SECTION)
.payer(payer::Paying::build)
.seller(seller::Selling::build)
.settler(settler::Settling::build);

tollway_core::inventory::submit! { Plugin::Scheme(ENTRY) }
