//! `upto` over Permit2: the payer signs a ceiling, the server meters, and the facilitator takes what was used.
//!
//! It answers for x402's `upto` on EVM chains, in any ERC-20 token that the payer lets Permit2 draw on; its one flow is
//! `authorization`. All that it shares with `exact` over Permit2 is in [`tollway_evm::permit2`].
//!
//! ```
//! use tollway_core::{ChainId, Registry, Role};
//!
//! // Without a house: by name, or found by every program that links this crate (`Registry::builder().discover()`).
//! let base = ChainId::new("eip155:8453")?;
//! let registry = Registry::builder().with(tollway_upto_permit2::ENTRY).role(Role::Seller).bare(base);
//! # let _ = registry;
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! ```text
//! payload   {signature, permit2Authorization: {from, permitted: {token, amount}, spender, nonce, deadline,
//!            witness: {to, facilitator, validAfter}}}
//! digest    EIP-712 PermitWitnessTransferFrom, domain {Permit2, chain id}
//! read      amount == the entry's, to == payTo, facilitator == extra.facilitatorAddress; whose key signed, if any's
//! verify    one round trip: balance, allowance, nonce, the payer's code, and the settlement, simulated in the facilitator's name
//! settle    x402UptoPermit2Proxy.settle(permit, charge, owner, witness, signature), sent by the witness's facilitator;
//!           then the Transfer log must show the charge, no more and no less
//! ```
//!
//! # What `amount` means
//!
//! On the wire the same field is the *ceiling* when a payment is offered and verified, and the *charge* when it is settled.
//! What was signed never changes: it is held against the entry that the payer accepted, and the charge against what was
//! signed. A charge of nothing is settled by nothing: success without a transaction.
//!
//! # Who may charge
//!
//! The witness names one address, and the proxy lets nobody else charge. So a settler's kinds carry
//! `facilitatorAddress`, one of the accounts that it sends from; the seller copies it into the offer, and the payer signs
//! for that one: a payment made for one facilitator cannot be settled by another, and a settlement goes out from that
//! very account.
//!
//! # Who may pay
//!
//! Accounts without code, by their key's signature (65 bytes, or 64 by EIP-2098); contracts and delegations by EIP-7702, by
//! whatever their code accepts (ERC-1271): Permit2 asks code wherever there is some, with the settler's gas. So a payment
//! is tried out with a bound on its gas (setting `signature_gas_max`), once more in the moment before it is sent where an
//! account has code, and its gas is learned apart. Code that changes after that costs one transaction of the usual limit.
//! An account that is not deployed yet (ERC-6492) is refused: it cannot have approved Permit2.
//!
//! A nonce that is used is called dead only by proof: the proxy took other terms under it, or Permit2 logged that it was
//! invalidated.
//!
//! | file | what is there |
//! |---|---|
//! | `terms` | [`read`]: what a payload binds |
//! | `calls` | the proxy's calls, and what they cost |
//! | `payer`, `seller`, `settler` | the three roles |
//!
//! Sources: x402 v2 `scheme_upto_evm`, Permit2 `SignatureTransfer`.
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

mod calls;
mod payer;
mod seller;
mod settler;
mod terms;

pub use terms::read;

use tollway_core::{Capability, CellId, Flow, Plugin, SchemeEntry};
use tollway_evm::permit2::Sponsoring;

const SCHEME: &str = "upto";
/// Absent means `permit2`: `upto` knows no other way.
const METHODS: &[&str] = &["", "permit2"];
const FLOWS: &[Flow] = &[Flow::Authorization];

const CAPABILITY: Capability = {
    let mut capability = Capability::fixed(FLOWS);
    capability.metered = true;
    capability.extensions = Sponsoring::KEYS;
    capability
};

/// The plugin: `upto` on `eip155`, by Permit2.
pub const ENTRY: SchemeEntry =
    SchemeEntry::new(CellId { scheme: SCHEME, namespace: "eip155", methods: METHODS }, CAPABILITY, read)
        .payer(payer::Paying::build)
        .seller(seller::Selling::build)
        .settler(settler::Settling::build);

tollway_core::inventory::submit! { Plugin::Scheme(ENTRY) }
