//! What every scheme must do, in all of its roles.
//!
//! The author supplies a [`Stand`]: the plugin's entry, and places to try it in. Everything else is the suite's: it builds
//! the roles through the registry, signs, carries payments over the wire, changes them, races them, crashes and resumes,
//! and looks at the chain through the stand's [`Probe`].
//!
//! ```text
//! struct MyStand;
//! impl Stand for MyStand {
//!     fn entry(&self) -> SchemeEntry { my_scheme::ENTRY }
//!     fn family(&self) -> Family { my_chain::FAMILY }
//!     fn place(&self, seed: u64) -> Place { … }          // a chain with a payer, a seller and a settler on it
//! }
//! tollway_testkit::scheme_suite!(MyStand);
//! ```
//!
//! On the simulated chain a [`SimPlace`] makes most of the place, and a [`SimStand`] the rest:
//!
//! ```text
//! fn place(seed: u64) -> Result<Place> { SimPlace::new(seed, ["sim:1", "sim:2"], deploy)?.build(settlements) }
//! tollway_testkit::scheme_suite!(SimStand::new(my_scheme::ENTRY, place));
//! ```

mod answer;
mod binding;
mod effort;
mod fate;
mod list;
mod money;
mod offer;
mod once;
mod refusal;
mod secrets;
mod signing;
mod sim_place;
mod sim_stand;
mod stand;
mod trial;
mod window;

pub use crate::fault::Trouble;
pub use list::PROPERTIES;
pub use sim_place::{Person, SimPlace};
pub use sim_stand::SimStand;
pub use stand::{Free, Others, Place, Probe, Stand, Tolerance};
pub use trial::{Ledgers, Signed, Trial};

use super::Guise;
use super::property::{Checked, Property, insist};
use std::sync::Arc;
use tollway_core::Capability;

/// What decides whether a property applies.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// What the plugin says it can do.
    pub capability: Capability,
    /// It has a payer.
    pub payer: bool,
    /// It has a seller.
    pub seller: bool,
    /// It has a settler.
    pub settler: bool,
    /// Over how many seeds orders of await points are tried.
    pub seeds: u64,
}

impl Facts {
    /// A payment can be signed, and taken to the settler.
    pub const fn whole(&self) -> bool {
        self.payer && self.seller && self.settler
    }
    /// A payment can be signed.
    pub const fn signs(&self) -> bool {
        self.payer && self.seller
    }
    /// Each payment is settled on its own, when it is settled.
    pub const fn at_once(&self) -> bool {
        self.whole() && !self.capability.deferred && !self.capability.stateful
    }
}

fn facts(stand: &dyn Stand) -> Facts {
    let entry = stand.entry();
    Facts {
        capability: entry.capability,
        payer: entry.payer.is_some(),
        seller: entry.seller.is_some(),
        settler: entry.settler.is_some(),
        seeds: stand.seeds(),
    }
}

/// The properties' names, in order.
pub fn names() -> Vec<&'static str> {
    PROPERTIES.iter().map(|p| p.name).collect()
}

/// Runs one property over its seeds; each seed wears the next guise.
pub fn check(stand: &Arc<dyn Stand>, property: &Property<Trial, Facts>) -> Checked {
    property.judge(&facts(&**stand), |seed| Trial::new(Arc::clone(stand), seed, Guise::of(seed)))
}

/// Runs every property that `wanted` names.
pub fn check_all(stand: &Arc<dyn Stand>, wanted: impl Fn(&str) -> bool) -> Vec<(&'static str, Checked)> {
    PROPERTIES.iter().filter(|p| wanted(p.name)).map(|p| (p.name, check(stand, p))).collect()
}

/// One test: runs the property of that name, and panics with what was seen unless it holds.
pub fn prove(stand: impl Stand, name: &str) {
    let stand: Arc<dyn Stand> = Arc::new(stand);
    let property = PROPERTIES.iter().find(|p| p.name == name);
    insist(&check(&stand, property.unwrap_or_else(|| panic!("no property {name}"))));
}

/// Proves a scheme: one `#[test]` for each property of [`scheme`](crate::suite::scheme). Takes a
/// [`Stand`](crate::suite::scheme::Stand).
#[macro_export]
macro_rules! scheme_suite {
    ($stand:expr) => {
        $crate::__tests! { scheme, $stand,
            accepts_what_it_signed
            plans_without_acting
            reads_what_was_planned
            signs_no_more_than_reserved
            replay_keys_name_one_authorization
            refuses_a_changed_payload
            refuses_a_changed_requirement
            binds_the_amount
            binds_the_payee
            binds_the_asset
            binds_the_network
            honours_expiry
            honours_not_before
            settles_nothing_late
            verifying_moves_nothing
            verifying_is_idempotent
            takes_the_charge_and_no_more
            never_charges_above_the_ceiling
            settles_at_most_once
            settles_at_most_once_across_crashes
            resolve_tells_the_truth
            resume_tells_the_truth
            resume_sends_nothing_new
            resume_takes_the_charge_once
            dead_only_past_the_window
            a_refusal_moved_nothing
            unknown_only_where_something_was_sent
            errors_blame_the_right_side
            effort_grows_with_work
            effort_predicts_the_cost
            offers_are_pure
            kinds_match_offers
            every_flow_delivers_once
            believes_only_receipts_of_what_was_signed
            debug_shows_no_secret
            errors_show_no_secret
            ledgers_keep_no_key
        }
    };
}
