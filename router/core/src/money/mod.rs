//! Money: integers, checked, with the asset attached. There is no float anywhere near it.

mod amount;
mod usd;

pub use amount::{Amount, Ceiling, Charge};
pub use usd::{Usd, UsdPrice};

pub(crate) use amount::decimal;
