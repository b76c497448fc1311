//! What is known of Solana's clusters without a node, as data.

mod clusters;
mod tokens;

pub(crate) use clusters::{CLUSTERS, NETWORKS};
pub(crate) use tokens::{TOKENS, plain};

use solana_pubkey::Pubkey;
use tollway_core::ChainId;

/// The facts of one cluster that a router needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The hash of its first block in base58, whose first 32 characters are its CAIP-2 reference. Empty: any.
    pub genesis: &'static str,
    /// True when its coins are worth nothing.
    pub testnet: bool,
    /// Expected time between slots, in milliseconds.
    pub slot_ms: u32,
    /// The most that is ever offered per compute unit, in micro-lamports. Facilitators refuse to pay more than 5,000,000.
    pub max_unit_price: u64,
    /// Where SOL is priced in USD (a Pyth price account).
    pub native_usd: Option<Pubkey>,
    /// Where USDC is priced in USD (a Pyth price account).
    pub usdc_usd: Option<Pubkey>,
}

impl Profile {
    /// A cluster in the table, by the hash of its first block.
    pub fn of(genesis: &str) -> Option<&'static Self> {
        CLUSTERS.iter().find(|profile| profile.genesis == genesis)
    }

    /// A cluster in the table, by its CAIP-2 id.
    pub fn of_chain(chain: &ChainId) -> Option<&'static Self> {
        let known = NETWORKS.iter().position(|network| network.chain == chain.as_str())?;
        CLUSTERS.get(known)
    }

    /// A cluster that is in no table (a local one): its coins are worth nothing and nothing has a price.
    pub const LOCAL: Self = Self::worthless("");

    const fn worthless(genesis: &'static str) -> Self {
        Self { genesis, testnet: true, native_usd: None, usdc_usd: None, ..clusters::MAINNET }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn every_cluster_in_the_table_has_the_id_of_its_first_block() {
        assert_eq!(CLUSTERS.len(), NETWORKS.len());
        for (profile, network) in CLUSTERS.iter().zip(NETWORKS) {
            solana_hash::Hash::from_str(profile.genesis).unwrap();
            assert_eq!(network.chain, format!("solana:{}", &profile.genesis[..32]));
            assert_eq!(network.testnet, profile.testnet);
            assert_eq!(Profile::of(profile.genesis), Some(profile));
        }
        assert_eq!(Profile::of("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNZ"), None);
    }
}
