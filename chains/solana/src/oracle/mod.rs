//! USD prices.

mod pyth;

pub use pyth::{PythFeed, PythOracle};
