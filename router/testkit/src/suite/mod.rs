//! Behaviour suites: what every scheme, network, ledger and oracle must do, as named properties.
//!
//! A property is data ([`Property`]): a name, what it says, when it applies, and a check. A suite is a list of them, and
//! an author proves a plugin by one line in a test file, which makes one `#[test]` of each property:
//!
//! ```text
//! tollway_testkit::scheme_suite!(MyStand);                          // MyStand: tollway_testkit::suite::scheme::Stand
//! tollway_testkit::network_suite!(MyStand);                         // …::network::Stand
//! tollway_testkit::ledger_suite!(|| Arc::new(MyLedger::new()));     // …::ledger::Stand, which closures are
//! tollway_testkit::oracle_suite!(MyStand);                          // …::oracle::Stand
//! ```
//!
//! Properties that do not apply (a payer's, where the scheme has no payer; a part of the price, where it is not metered)
//! pass without running. A failing one panics with its name, the seed, the guise the plugin wore, and what was seen;
//! `TOLLWAY_SEED=<seed>` runs that seed alone.
//!
//! # Guises
//! Whatever uses a plugin may have wrapped it. So each property runs with the roles as the registry built them, behind a
//! pass-through wrapper, and behind one that gives way before and after every call ([`Guise`]).
//!
//! | module | what is there |
//! |---|---|
//! | [`scheme`], [`network`], [`ledger`], [`oracle`] | the suites, each with the `Stand` its author supplies |
//! | [`mutate`] | every small change of a JSON document |
//! | [`secret`] | the spellings in which a secret could leak |
//! | [`turns`] | several futures, polled in an order drawn from a seed, dropped where the seed says |

mod guise;
pub mod ledger;
pub mod mutate;
pub mod network;
pub mod oracle;
mod property;
pub mod scheme;
pub mod secret;
pub mod turns;

pub use guise::{Guise, Wrapped};
pub use property::{Broken, Check, Checked, Property, Subject, Verdict, panic_words};
