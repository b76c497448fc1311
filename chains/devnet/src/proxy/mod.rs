//! The proxy in front of each node: it counts, breaks things on request, and hides what anvil does differently
//! from a real chain.

mod call;
mod counts;
mod faults;
mod gate;
mod l1;
mod miner;
mod pacer;
mod quirks;
mod receipts;
mod server;
mod unfunded;
mod ws;

pub use counts::Counts;
pub use faults::{Fault, FaultKind, Faults};
pub(crate) use gate::Gate;
pub(crate) use pacer::Plan;
pub(crate) use server::listen;
