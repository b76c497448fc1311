//! A chain in memory: deterministic, on a virtual clock, and as unkind as it is told to be.
//!
//! [`SimChain`] is the world: accounts, tokens, programs, blocks, a fee market, reorgs. A process reaches it through a
//! [`SimNode`] of its own, which implements core's `Network` and the typed trait [`Sim`], and journals what it sends in
//! the process's ledger. A scheme asks for `site.chain::<dyn Sim>()`.
//!
//! ```
//! use std::sync::Arc;
//! use tollway_core::ledger::MemoryLedger;
//! use tollway_core::{Purpose, Time};
//! use tollway_testkit::sim::{Sim, SimCall, SimChain, SimKey, SimSettings, Submit, TokenCall, account};
//! use tollway_testkit::weave::Weave;
//!
//! let weave = Weave::new(1);
//! let chain = SimChain::new(SimSettings::stormy("sim:1")?, weave.clock(), &weave.dice())?;
//! let (alice, token) = (SimKey::named("alice"), chain.token("dollar")?);
//! let (from, to) = (chain.know(&alice)?, account(chain.id(), "bob")?);
//! chain.endow(&from, &token, 100)?;
//! chain.endow(&from, &chain.coin(), 10u128.pow(18))?;
//!
//! let node = chain.node(Arc::new(MemoryLedger::new())).sender(&alice)?.build();
//! let transfer = TokenCall::Transfer { to: to.address().to_owned(), amount: "30".to_owned() };
//! let program = tollway_core::Account::new(chain.id(), token.key())?;
//! let submit = Submit {
//!     call: SimCall::new(program, transfer.encode()),
//!     gas_limit: 200_000,
//!     purpose: Purpose::Interactive,
//!     not_after: Time::FAR,
//! };
//! // Whatever the storm does, it is sent once per key.
//! let (first, again) = weave.run(async {
//!     (node.send(submit.clone(), &"pay/1".into()).await, node.send(submit.clone(), &"pay/1".into()).await)
//! })?;
//! assert_eq!(first?.tx, again?.tx);
//! assert_eq!(chain.balance(&to, &token), 30);
//! chain.check_conservation()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it is not
//! Keys are toys ([`SimKey`]), gas is a rough picture ([`GAS_BASE`] and what programs use), a transaction's fee follows
//! the base fee of its block without a cap, and blocks have no parents: a reorg takes blocks back and makes others.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod api;
mod block;
mod chain;
mod fees;
mod key;
mod node;
mod program;
mod send;
mod settings;
mod state;
mod token;
mod tx;

pub use api::{At, EventQuery, Mined, Sent, Sim, SimCall, SimEvent, Submit, Viewed};
pub use chain::{Head, Picture, SimChain};
pub use fees::SimTariff;
pub use key::{FAMILY, SimKey, account};
pub use node::{NodeBuilder, SimNode};
pub use program::{Ctx, GAS_BASE, GAS_BYTE, Program, Revert};
pub use settings::{FeeSettings, PoolSettings, RpcSettings, SimSettings};
pub use state::Supply;
pub use token::{SignedAuthorization, Token, TokenAuthorization, TokenCall};
