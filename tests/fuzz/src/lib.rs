//! What fuzzing asks of Tollway.
//!
//! A target is a plain function over bytes that panics when something does not hold: what is written is read again,
//! two ways of reading agree, an invariant stands. So `cargo test` runs every target over its seeds, and libFuzzer
//! (`engine/`, started by `tests/fuzz/run`) over everything else.
//!
//! | target | what must hold |
//! |---|---|
//! | [`header_codec`] | base64, UTF-8, depth and JSON are judged as a plain second decoder judges them; what is written is read |
//! | [`wire_v1`], [`wire_v2`] | a 402 and its payments say what their JSON says, in one pass, entry by entry, and written anew |
//! | [`extra`] | reserved keys, emptiness and containment agree with the value tree |
//! | [`candidates`] | a 402 through the router: every entry ranked or rejected once, at the price that a second sum gives |
//! | [`ranking`] | the order agrees with one over plain strings, and is total |
//! | [`path_matching`] | no server's reading of a path gets around the paywall |
//! | [`exact_eip3009`] | `read` agrees with alloy's own EIP-712; what was altered after signing never reads as something else |
//! | [`facilitator`] | requests and answers survive being written, and agree with their parts |
//! | [`settlement_header`] | a receipt never turns an open outcome into a failure that may be paid again |
//!
//! The inputs are text wherever that is possible, so that a finding can be read: parts are set apart by a line `--`.
//! Seeds and the inputs of former findings are in `seeds/<target>/`; one file each, named after what it is.

mod candidates;
mod exact;
mod extra;
mod facilitator;
mod header;
mod naive;
mod path;
mod ranking;
mod servers;
mod settlement;
mod shop;
mod wire;

pub use candidates::candidates;
pub use exact::exact_eip3009;
pub use extra::extra;
pub use facilitator::facilitator;
pub use header::header_codec;
pub use path::path_matching;
pub use ranking::ranking;
pub use settlement::settlement_header;
pub use wire::{wire_v1, wire_v2};

/// A target: panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the name of its binary and of its folder of seeds.
pub const TARGETS: [(&str, Target); 10] = [
    ("candidates", candidates),
    ("exact_eip3009", exact_eip3009),
    ("extra", extra),
    ("facilitator", facilitator),
    ("header_codec", header_codec),
    ("path_matching", path_matching),
    ("ranking", ranking),
    ("settlement_header", settlement_header),
    ("wire_v1", wire_v1),
    ("wire_v2", wire_v2),
];

/// The parts of an input, which lines `--` set apart.
fn parts(data: &[u8]) -> Option<Vec<&str>> {
    Some(std::str::from_utf8(data).ok()?.split("\n--\n").collect())
}
