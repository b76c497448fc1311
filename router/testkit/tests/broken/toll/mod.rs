//! A small scheme on the simulated chain: the payer signs one pass, anybody may bring it to the token, once.
//!
//! `F` is what is wrong with it: nothing ([`SOUND`], [`METERED`]), or one of the [`faults`].

mod booth;
pub(crate) mod faults;
mod pass;
mod payer;
mod program;
mod seller;
mod settler;
mod stand;

pub(crate) use faults::{METERED, SOUND};
pub(crate) use stand::Toll;

use tollway_core::{Capability, CellId, Flow, SchemeEntry};

pub(crate) const SCHEME: &str = "toll";
pub(crate) const FLOWS: &[Flow] = &[Flow::Authorization, Flow::Upfront];
/// A pass that lands later than this before its end may miss its block.
pub(crate) const MARGIN_MS: u64 = 6_000;

/// The plugin.
pub(crate) const fn entry<const F: u8>() -> SchemeEntry {
    let id = CellId { scheme: SCHEME, namespace: "sim", methods: &[""] };
    let capability = Capability { metered: F == METERED, ..Capability::fixed(FLOWS) };
    SchemeEntry::new(id, capability, pass::read::<F>)
        .payer(payer::build::<F>)
        .seller(seller::build::<F>)
        .settler(settler::build::<F>)
}
