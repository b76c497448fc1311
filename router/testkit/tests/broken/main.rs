//! Every property of the suites bites: for each there is a plugin that breaks it, and a sound one that keeps them all.

mod ledgers;
mod networks;
mod oracles;
mod toll;

use std::sync::Arc;
use toll::{METERED, SOUND, Toll, faults::*};
use tollway_testkit::suite::Checked;
use tollway_testkit::suite::scheme::{self, Stand};

tollway_testkit::scheme_suite!(Toll::<SOUND>);

/// Charges what was used, up to what was signed.
mod metered {
    use super::*;
    tollway_testkit::scheme_suite!(Toll::<METERED>);
}

/// A fault, the property that names it, and a run of that property.
type Case = (&'static str, &'static str, fn() -> Result<(), String>);

/// Runs the one property that names the fault, and says what it saw.
fn caught(name: &str, stand: impl Stand, property: &str, seen: &str) -> Result<(), String> {
    let stand: Arc<dyn Stand> = Arc::new(stand);
    let checked = scheme::check_all(&stand, |name| name == property);
    match checked.as_slice() {
        [(_, Checked::Broken(broken))] if broken.seen.contains(seen) => Ok(()),
        other => Err(format!("{name}: {property} should have seen {seen:?}: {other:?}")),
    }
}

macro_rules! broken {
    ($($fault:ident: $property:ident sees $seen:literal;)*) => {
        const CAUGHT: &[Case] = &[$((
            stringify!($fault),
            stringify!($property),
            || caught(stringify!($fault), Toll::<$fault>, stringify!($property), $seen),
        )),*];
    };
}

broken! {
    WRITES_WHAT_IT_CANNOT_READ: accepts_what_it_signed sees "verify refuses a good payment";
    PLAN_SIGNS: plans_without_acting sees "planning signed";
    READS_ANY_CEILING: reads_what_was_planned sees "planned to expose";
    SIGNS_MORE_THAN_RESERVED: signs_no_more_than_reserved sees "reserved 5000, signed 10000";
    REUSES_NONCES: replay_keys_name_one_authorization sees "an earlier one had";
    TAKES_KEYS_TWICE: refuses_a_changed_payload sees "twice, changed first at \"/amount\": accepted";
    FORGETS_TO_COMPARE_THE_PAYEE: refuses_a_changed_requirement sees "another payee: accepted";
    FORGETS_THE_AMOUNT: binds_the_amount sees "nobody signed that";
    FORGETS_THE_PAYEE: binds_the_payee sees "nobody signed that";
    FORGETS_THE_ASSET: binds_the_asset sees "nobody signed that";
    FORGETS_THE_NETWORK: binds_the_network sees "nobody signed that";
    ACCEPTS_THE_EXPIRED: honours_expiry sees "spendable only until";
    ACCEPTS_THE_EARLY: honours_not_before sees "settling says";
    SETTLES_LATE: settles_nothing_late sees "settled past its window";
    VERIFY_MOVES_MONEY: verifying_moves_nothing sees "verify";
    VERIFIES_ONCE: verifying_is_idempotent sees "verify, for the 2th time";
    OVERCHARGES: takes_the_charge_and_no_more sees "charged 10000, the payer lost Some(10001)";
    CEILING_WITHOUT_END: never_charges_above_the_ceiling sees "is due";
    SETTLES_TWICE: settles_at_most_once sees "times";
    SENDS_AGAIN_AFTER_A_CRASH: settles_at_most_once_across_crashes sees "settled 2 times";
    RESOLVE_FORGETS: resolve_tells_the_truth sees "settled, and said to be Open";
    RESUME_FORGETS: resume_tells_the_truth sees "settled, and said to be Open";
    RESUME_SENDS_AGAIN: resume_sends_nothing_new sees "transactions";
    RESUME_SENDS_AGAIN: resume_takes_the_charge_once sees "transactions";
    DEAD_TOO_EARLY: dead_only_past_the_window sees "resolve says dead";
    SAYS_NOTHING_MOVED: a_refusal_moved_nothing sees "said that nothing has moved";
    UNKNOWN_WHERE_NOTHING_WAS_SENT: unknown_only_where_something_was_sent sees "nothing was sent";
    BLAMES_US: errors_blame_the_right_side sees "blame: Us";
    EFFORT_SHRINKS: effort_grows_with_work sees "the one before";
    EFFORT_TOO_SMALL: effort_predicts_the_cost sees "% above";
    OFFERS_DIFFER: offers_are_pure sees "two offers of one price differ";
    KIND_OF_ANOTHER_SCHEME: kinds_match_offers sees "a kind of the scheme bridge";
    SETTLES_WHAT_FAILED: every_flow_delivers_once sees "the handler failed";
    BELIEVES_ANY_RECEIPT: believes_only_receipts_of_what_was_signed sees "is taken for paid";
    LEAKS_THE_KEY_IN_DEBUG: debug_shows_no_secret sees "shows the payer's key";
    LEAKS_THE_SIGNATURE_IN_ERRORS: errors_show_no_secret sees "shows /signature";
    WRITES_THE_KEY_DOWN: ledgers_keep_no_key sees "shows the payer's key";
}

#[test]
fn every_broken_scheme_is_caught_by_the_property_that_names_its_fault() {
    let missed: Vec<_> = CAUGHT.iter().filter_map(|(_, _, run)| run().err()).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_property_of_schemes_bites() {
    let bitten: std::collections::BTreeSet<_> = CAUGHT.iter().map(|(_, property, _)| *property).collect();
    let toothless: Vec<_> = scheme::names().into_iter().filter(|name| !bitten.contains(name)).collect();
    assert!(toothless.is_empty(), "no broken scheme shows that these bite: {toothless:?}");
}
