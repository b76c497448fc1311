use super::{FeeModel, Feed, Profile};
use alloy::primitives::{Address, address};

/// A feed of a mainnet. Heartbeats there are an hour at most for coins and a day for USDC; a quarter of slack, as
/// the updates come when the heartbeat ends and not before.
const fn coin(address: Address) -> Option<Feed> {
    Some(Feed { address, max_age_secs: 4_500 })
}
const fn day(address: Address) -> Option<Feed> {
    Some(Feed { address, max_age_secs: 90_000 })
}

const MILLI_GWEI: u64 = 1_000_000;
const GWEI: u64 = 1_000_000_000;

const fn op_stack(chain_id: u64, block_ms: u32) -> Profile {
    Profile {
        fees: FeeModel::OpStack,
        // op-geth's own `miner.gasprice`: less is pooled and never mined.
        min_tip_wei: MILLI_GWEI,
        max_tip_wei: 10 * GWEI,
        ..Profile::plain(chain_id, block_ms)
    }
}

const fn arbitrum(chain_id: u64) -> Profile {
    // The sequencer takes first come, first served: a tip is not even charged.
    Profile { fees: FeeModel::Arbitrum, min_tip_wei: 0, max_tip_wei: 0, ..Profile::plain(chain_id, 250) }
}

/// Every chain with a profile.
pub(super) static PROFILES: &[Profile] = &[
    Profile {
        native_usd: coin(address!("5f4eC3Df9cbd43714FE2740f5E3616155c5b8419")),
        usdc_usd: day(address!("8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6")),
        max_tip_wei: 100 * GWEI,
        ..Profile::plain(1, 12_000)
    },
    Profile {
        native_usd: coin(address!("71041dddad3595F9CEd3DcCFBe3D1F4b0a16Bb70")),
        usdc_usd: day(address!("7e860098F58bBFC8648a4311b374B1D669a2bc6B")),
        ..op_stack(8453, 2_000)
    },
    Profile {
        native_usd: coin(address!("13e3Ee699D1909E989722E753853AE30b17e08c5")),
        usdc_usd: day(address!("16a9FA2FDa030272Ce99B29CF780dFA30361E0f3")),
        ..op_stack(10, 2_000)
    },
    Profile {
        // Arbitrum's coin feed has a heartbeat of a day.
        native_usd: day(address!("639Fe6ab55C921f74e7fac1ee960C0B6293ba612")),
        usdc_usd: day(address!("50834F3163758fcC1Df9973b6e91f0F0F0434aD3")),
        ..arbitrum(42161)
    },
    // Polygon's builders drop transactions that tip less than 25 gwei.
    Profile { min_tip_wei: 25 * GWEI, max_tip_wei: 2_000 * GWEI, ..Profile::plain(137, 2_000) },
    Profile { max_tip_wei: 100 * GWEI, ..Profile::plain(43114, 2_000) },
    Profile { max_tip_wei: 1_000 * GWEI, ..op_stack(42220, 1_000) },
    Profile { testnet: true, ..Profile::plain(11155111, 12_000) },
    Profile {
        testnet: true,
        native_usd: coin(address!("4aDC67696bA383F43DD60A9e78F2C97Fbbfc7cb1")),
        usdc_usd: day(address!("d30e2101a97dcbAeBCBC04F14C3f624E67A35165")),
        ..op_stack(84532, 2_000)
    },
    Profile { testnet: true, ..op_stack(11155420, 2_000) },
    Profile { testnet: true, ..arbitrum(421614) },
    Profile {
        testnet: true,
        min_tip_wei: 25 * GWEI,
        max_tip_wei: 2_000 * GWEI,
        ..Profile::plain(80002, 2_000)
    },
    Profile { testnet: true, max_tip_wei: 100 * GWEI, ..Profile::plain(43113, 2_000) },
    Profile { testnet: true, max_tip_wei: 1_000 * GWEI, ..op_stack(11142220, 1_000) },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::FAMILY;

    #[test]
    fn every_profile_is_of_a_known_network_and_agrees_with_it() {
        for profile in PROFILES {
            let chain = format!("eip155:{}", profile.chain_id);
            let known = FAMILY.networks.iter().find(|n| n.chain == chain).expect(&chain);
            assert_eq!(known.testnet, profile.testnet, "{chain}");
            assert!(profile.min_tip_wei <= profile.max_tip_wei, "{chain}");
        }
    }
}
