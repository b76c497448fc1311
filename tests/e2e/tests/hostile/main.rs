//! Everything that a hostile buyer, facilitator or shop may say, each beside its honest twin.

mod challenges;
mod liars;
mod payments;
