//! What is known of EVM chains without a node.

use crate::address;
use crate::profiles::{NETWORKS, TOKENS};
use tollway_core::{Family, Plugin};

/// The `eip155` family: addresses are kept as lowercase `0x` hex and shown with EIP-55 checksums.
pub const FAMILY: Family = Family {
    namespace: "eip155",
    address: address::canonical_of,
    display: address::checksummed,
    networks: NETWORKS,
    assets: TOKENS,
};

tollway_core::inventory::submit! { Plugin::Family(FAMILY) }

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::ChainId;

    #[test]
    fn every_key_in_the_tables_is_canonical_and_every_chain_an_eip155_one() {
        for asset in FAMILY.assets {
            assert_eq!((FAMILY.address)(asset.key).unwrap().as_str(), asset.key, "{}", asset.symbol);
            address::eip155(&ChainId::new(asset.chain).unwrap()).unwrap();
        }
        for network in FAMILY.networks {
            address::eip155(&ChainId::new(network.chain).unwrap()).unwrap();
        }
    }

    #[test]
    fn no_token_and_no_network_is_listed_twice() {
        let mut keys: Vec<_> = FAMILY.assets.iter().map(|a| (a.chain, a.key)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), FAMILY.assets.len());
        let mut chains: Vec<_> = FAMILY.networks.iter().map(|n| n.chain).collect();
        chains.sort_unstable();
        chains.dedup();
        assert_eq!(chains.len(), FAMILY.networks.len());
    }

    #[test]
    fn a_checksummed_token_is_found() {
        let base = ChainId::new("eip155:8453").unwrap();
        let usdc = FAMILY.asset(base, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913").unwrap();
        assert_eq!(FAMILY.known(&usdc).unwrap().extra, [("name", "USD Coin"), ("version", "2")]);
        assert_eq!(FAMILY.network(&base).unwrap().v1_name, Some("base"));
    }
}
