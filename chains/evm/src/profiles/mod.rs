//! Chains as data: names, tokens, block times, how each charges, and where its price feeds are.

mod chains;
mod networks;
mod tokens;

pub(crate) use networks::NETWORKS;
pub(crate) use tokens::TOKENS;

use alloy::primitives::{Address, address};

/// Multicall3, at one address on every chain that has it.
pub const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");

/// How a chain charges for a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeeModel {
    /// Base fee and tip for the gas used, and nothing else.
    Ethereum,
    /// The same, plus an L1 data fee for the transaction's bytes and, since Isthmus, an operator fee. Neither shows
    /// in the gas.
    OpStack,
    /// The L1 part is counted as gas, within the gas limit and `gasUsed`; tips buy nothing.
    Arbitrum,
}

/// A Chainlink USD price feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// The aggregator proxy.
    pub address: Address,
    /// An answer older than this many seconds is stale: the feed's heartbeat and some slack.
    pub max_age_secs: u64,
}

/// What the network code must know of a chain. Plain data: a chain that is not listed needs only a value of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// EIP-155 id.
    pub chain_id: u64,
    /// Expected time between blocks, in milliseconds.
    pub block_ms: u32,
    /// True when its coins are worth nothing.
    pub testnet: bool,
    /// How it charges.
    pub fees: FeeModel,
    /// The least tip that its block builders take, in wei per gas.
    pub min_tip_wei: u64,
    /// The most tip that is ever offered, in wei per gas, whatever the fee history says.
    pub max_tip_wei: u64,
    /// USD price of its own coin.
    pub native_usd: Option<Feed>,
    /// USD price of USDC.
    pub usdc_usd: Option<Feed>,
    /// Where Multicall3 is.
    pub multicall: Address,
}

impl Profile {
    /// The profile of a known chain.
    pub fn of(chain_id: u64) -> Option<&'static Self> {
        chains::PROFILES.iter().find(|p| p.chain_id == chain_id)
    }

    /// All known chains.
    pub fn all() -> &'static [Self] {
        chains::PROFILES
    }

    /// A profile for a chain that nobody listed: Ethereum's fee rules, Multicall3 at its usual address, no feeds.
    pub const fn plain(chain_id: u64, block_ms: u32) -> Self {
        Self {
            chain_id,
            block_ms,
            testnet: false,
            fees: FeeModel::Ethereum,
            min_tip_wei: 1_000_000,
            max_tip_wei: 500_000_000_000,
            native_usd: None,
            usdc_usd: None,
            multicall: MULTICALL3,
        }
    }
}
