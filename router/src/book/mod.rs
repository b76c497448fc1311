//! The book: how Tollway works and why it is the way it is. Nothing in here is code to call.
//!
//! 1. [`rooms`]: where everything is, and who may know whom.
//! 2. [`payment`]: one payment through the rooms, from the 402 to the receipt, on all three sides.
//! 3. [`cheapest`]: what "cheapest" means, to the last digit.
//! 4. [`unknown`]: what happens when nobody answers, and why nothing is lost or doubled.
//! 5. [`scheme`]: how to add a scheme.
//! 6. [`defaults`]: every default, with its reason.
//! 7. [`dangers`]: what can go wrong, what Tollway does, and the test that shows it.
//! 8. [`command`]: the `tollway` command, its configuration and its exit codes.

pub mod cheapest;
pub mod command;
pub mod dangers;
pub mod defaults;
pub mod payment;
pub mod rooms;
pub mod scheme;
pub mod unknown;
