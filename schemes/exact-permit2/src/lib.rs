//! `exact` over Permit2: any ERC-20 token. The payer signs one transfer of the very amount asked, anybody may put it on
//! chain through x402's proxy.
//!
//! Answers for x402's `exact` on EVM chains when `extra.assetTransferMethod` is `permit2`; flows are `authorization` and
//! `upfront`. What it shares with `upto` is [`tollway_evm::permit2`].
//!
//! ```
//! use tollway_core::{ChainId, Registry, Role};
//!
//! let base = ChainId::new("eip155:8453")?;
//! let registry = Registry::builder().with(tollway_exact_permit2::ENTRY).role(Role::Seller).bare(base);
//! # let _ = registry;
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! ```text
//! payload   {signature, permit2Authorization: {from, permitted: {token, amount}, spender, nonce, deadline, witness}}
//! digest    EIP-712 PermitWitnessTransferFrom, domain {"Permit2", chain id, Permit2}; spender: x402ExactPermit2Proxy
//! read      amount == price, token, payee; whose key signed, if any's; a sponsored permit or approval is for this payment
//! verify    one look: balance, allowance, nonce unused, the payer's code, payee's kind, and the settlement itself, simulated
//! settle    proxy.settle(…) or settleWithPermit(…); then the token's Transfer of the very amount must be there
//! ```
//!
//! # The allowance
//! Permit2 moves money out of an ERC-20 allowance that the payer gave it. Where that is missing, in this order:
//!
//! | the 402 offers | what happens | who pays for it |
//! |---|---|---|
//! | `eip2612GasSponsoring` | the payer signs an EIP-2612 permit too, of this very amount | the settler, some 37,000 gas |
//! | `erc20ApprovalGasSponsoring`, and the payer's account lacks the coins for it | the payer signs an `approve` transaction; the settler sends it first | the settler, all but what the account holds |
//! | none that helps | the plan has an approval to be sent first, once per token | the payer, shared by `approval_payments` payments |
//!
//! A payment without an allowance and without any of it is answered with 412, `permit2_allowance_required`.
//!
//! What keeps money safe: Permit2 keeps one bit per payer and nonce, so the replay key is that pair. A signature stays
//! spendable until its deadline is over *on chain*, so [`Fate::Dead`](tollway_core::Fate::Dead) is only said from a block
//! of the set finality. Permit2 logs no nonce: what proves a payment is a transaction to the proxy whose call data hold
//! this permit, every term of it, and whose logs show the transfer. A nonce that was used in any other way pays no seller
//! here, and is called dead only by proof: other terms under it, or Permit2's log that it was invalidated.
//!
//! # Who may pay
//! Accounts without code, by their key's signature (65 bytes, or 64 by EIP-2098); contracts and delegations by EIP-7702, by
//! whatever their code accepts (ERC-1271): Permit2 asks code wherever there is some, with the settler's gas. So a payment
//! is tried out with a bound on its gas (setting `signature_gas_max`), once more in the moment before it is sent where an
//! account has code, and its gas is learned apart. Code that changes after that costs one transaction of the usual limit.
//! An account that is not deployed yet (ERC-6492) is refused: it cannot have approved Permit2.
//!
//! | file | what is there |
//! |---|---|
//! | `terms` | [`read`]: what a payload binds |
//! | `payer`, `seller`, `settler` | the three roles |
//! | `proxy` | the proxy's calls, and what they cost in gas |
//! | `settings` | what a user may set |
//!
//! Sources: Permit2, EIP-2612, EIP-712, x402 v2 `scheme_exact_evm` and its gas-sponsoring extensions.
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

mod payer;
mod proxy;
mod seller;
mod settings;
mod settler;
mod terms;

pub use terms::read;

use tollway_core::{Capability, CellId, Flow, Plugin, SchemeEntry};
use tollway_evm::permit2::Sponsoring;

const SCHEME: &str = "exact";
const METHODS: &[&str] = &["permit2"];
const FLOWS: &[Flow] = &[Flow::Authorization, Flow::Upfront];

/// The plugin: `exact` on `eip155`, by Permit2.
pub const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: SCHEME, namespace: "eip155", methods: METHODS },
    Capability { extensions: Sponsoring::KEYS, ..Capability::fixed(FLOWS) },
    read,
)
.payer(payer::Paying::build)
.seller(seller::Selling::build)
.settler(settler::Settling::build);

tollway_core::inventory::submit! { Plugin::Scheme(ENTRY) }
