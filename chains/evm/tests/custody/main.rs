//! A key that is held to a policy: what it signs, what it refuses, and that no sequence passes its limits.

mod kit;
mod limits;
mod rogue;
mod sums;
