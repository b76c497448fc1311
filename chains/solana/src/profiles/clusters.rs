use super::Profile;
use solana_pubkey::Pubkey;
use tollway_core::KnownNetwork;

pub(super) const MAINNET: Profile = Profile {
    genesis: "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    testnet: false,
    slot_ms: 400,
    max_unit_price: 5_000_000,
    native_usd: Some(Pubkey::from_str_const("7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE")),
    usdc_usd: Some(Pubkey::from_str_const("Dpw1EAVrSB1ibxiDQyTAW6Zip3J4Btk2x4SgApQCeFbX")),
};

/// Clusters whose facts are known, in the order of [`NETWORKS`].
pub(crate) const CLUSTERS: &[Profile] = &[
    MAINNET,
    Profile::worthless("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"),
    Profile::worthless("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"),
];

/// Clusters with a name.
pub(crate) const NETWORKS: &[KnownNetwork] = &[
    network("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "Solana", "solana", false),
    network("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1", "Solana Devnet", "solana-devnet", true),
    network("solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z", "Solana Testnet", "solana-testnet", true),
];

const fn network(chain: &'static str, title: &'static str, v1: &'static str, testnet: bool) -> KnownNetwork {
    KnownNetwork { chain, title, v1_name: Some(v1), coin: "SOL", coin_decimals: 9, testnet }
}
