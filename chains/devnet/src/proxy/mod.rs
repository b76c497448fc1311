//! The proxy in front of each node: it counts, breaks things on request, and hides what anvil and surfpool do
//! differently from a real chain.

mod call;
mod counts;
mod evm;
mod faults;
mod gate;
mod server;
mod solana;
mod ws;

pub use counts::Counts;
pub(crate) use evm::{Evm, Plan};
pub use faults::{Fault, FaultKind, Faults};
pub(crate) use gate::Gate;
pub(crate) use server::listen;
pub(crate) use solana::Solana;
