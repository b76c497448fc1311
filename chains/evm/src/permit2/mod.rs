//! Permit2 as x402 uses it: what the cells `exact` and `upto` share, so that each adds only its own calls and roles.
//!
//! The payer signs a `PermitWitnessTransferFrom` for one of x402's proxies; the witness in it binds who is paid (and in
//! `upto` which facilitator may charge). Permit2 moves the money out of an ERC-20 allowance that the payer gave it once.
//! Nonces are unordered: any 256-bit number, one bit of a bitmap each, so payments never queue behind each other.
//!
//! | part | what is there |
//! |---|---|
//! | [`Permit`], [`Witness`] | typed data, digests, the replay key, word and bit of the nonce |
//! | [`Signed`], [`Bound`] | `{signature, permit2Authorization}` on the wire; read and held against what was asked |
//! | [`Calls`], [`Path`] | what a cell says of itself: its calls and their gas, from which efforts follow |
//! | [`Reads`], [`Standing`] | one look: balance, allowance, nonce, payee |
//! | [`Asked`], [`Stand`] | what became of a permit, from the chain |
//! | [`refusal`] | what the reverts of Permit2, the proxies and tokens mean |
//! | [`Sponsoring`], [`Sponsored`] | the two gas-sponsoring extensions: advertised, filled in, checked |
//! | [`Eip2612`], [`Approval`] | their contents |
//! | [`Purse`], [`Till`] | the payer's side, and the settler's |
//! | [`Settings`] | what a user may set |
//!
//! ```
//! use alloy::primitives::{Address, U256};
//! use tollway_evm::permit2::{Permit, Proxy, Witness};
//!
//! let payee = Address::repeat_byte(3);
//! let permit = Permit {
//!     from: Address::repeat_byte(1),
//!     token: Address::repeat_byte(2),
//!     amount: U256::from(10_000),
//!     spender: Proxy::Exact.address(),
//!     nonce: U256::from(7),
//!     deadline: U256::from(1_740_672_154u64),
//!     witness: Witness { to: payee, facilitator: None, valid_after: U256::ZERO },
//! };
//! let signed_on_base = permit.digest(8453);
//! assert_ne!(signed_on_base, permit.digest(10), "a permit is for one chain");
//! ```
//!
//! Sources: Permit2 (`SignatureTransfer`), EIP-2612, x402 v2 `scheme_exact_evm`, `scheme_upto_evm` and the extensions
//! `eip2612_gas_sponsoring` and `erc20_gas_sponsoring`.

mod approval;
mod bound;
mod coins;
mod effort;
mod eip2612;
mod fate;
mod fields;
mod payload;
mod permit;
mod purse;
mod reads;
mod revert;
mod settings;
mod settle;
mod sponsor;
mod sponsoring;

pub use approval::{Approval, ApprovalCost, approve_call};
pub use bound::Bound;
pub use effort::{Calls, NOISE, Path, Payee, Payees, approve_gas, approve_key};
pub use eip2612::Eip2612;
pub use fate::{Asked, Moved, Stand, receipt, soon};
pub use payload::Signed;
pub use permit::{Permit, Witness, separator};
pub use purse::{Purse, agrees};
use reads::number_of;
pub use reads::{Reads, Standing, allowance_call, balance_call, is_transfer, moved, number};
pub use revert::refusal;
pub use settings::{Settings, Token, TokenSetting};
pub use settle::Till;
pub use sponsoring::{Sponsored, Sponsoring};

use alloy::primitives::{Address, address};

/// The canonical Permit2, at the same address on every chain.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

/// A transfer that lands later than this before the deadline may miss its block. Source: x402 on EVM, which asks for
/// `deadline >= now + 6`.
pub const MARGIN_MS: u64 = 6_000;

/// Which of x402's contracts draws on a permit. Source: x402 v2, the same addresses on every chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// `x402ExactPermit2Proxy`: moves exactly what was permitted.
    Exact,
    /// `x402UptoPermit2Proxy`: moves up to what was permitted, at the word of the facilitator in the witness.
    Upto,
}

impl Proxy {
    /// Where it is.
    pub const fn address(self) -> Address {
        match self {
            Self::Exact => address!("402085c248EeA27D92E8b30b2C58ed07f9E20001"),
            Self::Upto => address!("4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"),
        }
    }
}
