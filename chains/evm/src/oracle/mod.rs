//! What coins and tokens are worth: by Chainlink's feeds, or as somebody says.

mod chainlink;
mod fixed;

pub use chainlink::ChainlinkOracle;
pub use fixed::FixedOracle;
