//! `exact` over EIP-3009: the payer signs one transfer of the very amount asked, anybody may put it on chain.
//!
//! The first scheme plugin of Tollway, with all three roles. It answers for x402's `exact` on EVM chains when
//! `extra.assetTransferMethod` is absent or `eip3009`; flows are `authorization` and `upfront`.
//!
//! ```
//! use tollway_core::{ChainId, Registry, Role};
//!
//! // Without a house: by name, or found by every program that links this crate (`Registry::builder().discover()`).
//! let base = ChainId::new("eip155:8453")?;
//! let registry = Registry::builder().with(tollway_exact_eip3009::ENTRY).role(Role::Seller).bare(base);
//! # let _ = registry;
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! ```text
//! payload   {signature, authorization: {from, to, value, validAfter, validBefore, nonce}}
//! digest    EIP-712 TransferWithAuthorization, domain {extra.name, extra.version, chain id, asset}
//! read      value == amount, to == payTo, domain agrees with the table; whether from's own key signed
//! verify    one look: balance, nonce unused, payee's kind, from's code, and the transfer itself, tried out
//! settle    transferWithAuthorization(…, v, r, s), or (…, bytes) where from's code judges; then the Transfer log must be
//!           there
//! ```
//!
//! # Who signs
//! | the account that pays | its signature | what settling does |
//! |---|---|---|
//! | a plain one | 65 bytes, or 64 by EIP-2098 | proven by [`read`] alone; the `(v, r, s)` overload |
//! | one with code (ERC-1271) | whatever its code accepts | the `bytes` overload; the token asks the code |
//! | one that delegates (EIP-7702) | by its key, or whatever its code accepts | the token decides, and USDC asks the code |
//! | one that is not deployed yet (ERC-6492) | wrapped, with a factory of the setting `eip6492_factories` | deployment and transfer in one transaction, all or nothing |
//!
//! The code of a payer runs on the settler's gas. It is tried out with a bound (setting `signature_gas_max`) when the
//! payment is verified, and again in the moment before it is sent; what it used is what the effort says, and sets the
//! transaction's limit. Code that changes in between is found out before anything is sent; code that tells a simulation from
//! a transaction costs one transaction of that limit. A plain account is not looked at twice: one that gets code in between
//! costs a plain transfer's limit, as one that cancels does.
//!
//! What keeps money safe: the token keeps a state per payer and nonce, so the replay key is that pair; a signature
//! stays spendable until its window is over *on chain*, so [`Fate::Dead`](tollway_core::Fate::Dead) is only said from
//! a block of the set finality. Anybody who sees the payment may send it: the money arrives where it was signed for,
//! so a transfer that somebody else put on chain counts as settled.
//!
//! | file | what is there |
//! |---|---|
//! | `terms` | [`read`] and [`read_by_key`]: what a payload binds |
//! | `payload` | the wire form |
//! | `payer`, `seller`, `settler` | the three roles |
//! | `effort` | gas and bytes of a settlement, by who judges the signature |
//! | `trial` | the look before gas is spent |
//! | `fate`, `cancel` | what became of an authorization; taking one back |
//! | `token`, `settings` | the token's calls; what a user may set |
//!
//! The roles are the traits of [`tollway_core`]; everything on chain goes through [`tollway_evm::Evm`].
//!
//! Sources: EIP-3009, EIP-712, x402 v2 `scheme_exact_evm`.
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

mod cancel;
mod effort;
mod fate;
mod payer;
mod payload;
mod seller;
mod settings;
mod settler;
mod terms;
mod token;
mod trial;

pub use terms::{read, read_by_key};

use tollway_core::{Capability, CellId, Flow, Plugin, SchemeEntry};

const SCHEME: &str = "exact";
const METHODS: &[&str] = &["", "eip3009"];
const FLOWS: &[Flow] = &[Flow::Authorization, Flow::Upfront];

/// The plugin: `exact` on `eip155`, by EIP-3009.
pub const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: SCHEME, namespace: "eip155", methods: METHODS },
    Capability::fixed(FLOWS),
    read,
)
.alone(read_by_key)
.payer(payer::Paying::build)
.seller(seller::Selling::build)
.settler(settler::Settling::build);

tollway_core::inventory::submit! { Plugin::Scheme(ENTRY) }
