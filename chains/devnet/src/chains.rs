//! The chains, as data: ids, addresses and what their fees look like on a quiet day.

use crate::tokens::TokenSpec;

/// What kind of chain it is, as far as fees go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainKind {
    /// A layer 1: execution gas is all there is.
    Ethereum,
    /// An OP-stack rollup: the L1 data fee comes on top of the gas, outside `gasUsed`.
    OpStack,
    /// Arbitrum: the L1 part is inside `gasUsed`.
    Arbitrum,
}

/// Everything that tells one local chain from another. The ids and addresses are those of the real chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainSpec {
    /// Its name, for people.
    pub name: &'static str,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// How it charges.
    pub kind: ChainKind,
    /// Address of USDC.
    pub usdc: &'static str,
    /// EIP-712 domain name of USDC; the version is `2` everywhere.
    pub usdc_name: &'static str,
    /// The tokens beside USDC, which exist on local chains only: [`TokenSpec::ALL`] on every chain.
    pub tokens: &'static [TokenSpec],
    /// Address of the ETH/USD feed (8 decimals).
    pub eth_usd_feed: &'static str,
    /// Address of the USDC/USD feed (8 decimals).
    pub usdc_usd_feed: &'static str,
    /// Base fee at the start, in wei.
    pub base_fee_wei: u64,
    /// What `eth_maxPriorityFeePerGas` answers, in wei.
    pub priority_fee_wei: u64,
    /// L1 prices at the start; on Ethereum there are none.
    pub l1: L1Prices,
    /// The port of the proxy when [`fixed_ports`](crate::DevnetBuilder::fixed_ports) is asked for.
    pub port: u16,
    /// The block time of the real chain in milliseconds, for those who want to feel it.
    pub real_block_time_ms: u64,
}

/// What a rollup pays for its data, as its predeploys tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct L1Prices {
    /// L1 base fee in wei; on Arbitrum, the L1 price of one calldata unit.
    pub base_fee_wei: u64,
    /// L1 blob base fee in wei.
    pub blob_base_fee_wei: u64,
    /// Weight of the L1 base fee, in millionths (OP stack).
    pub base_fee_scalar: u32,
    /// Weight of the blob base fee, in millionths (OP stack).
    pub blob_base_fee_scalar: u32,
    /// Operator fee per gas used, in millionths of a wei.
    pub operator_fee_scalar: u32,
    /// Operator fee per transaction in wei.
    pub operator_fee_constant: u64,
}

/// Permit2, at the same address everywhere.
pub const PERMIT2: &str = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
/// `x402ExactPermit2Proxy`, at the same address everywhere.
pub const X402_EXACT_PERMIT2_PROXY: &str = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";
/// `x402UptoPermit2Proxy`, at the same address everywhere.
pub const X402_UPTO_PERMIT2_PROXY: &str = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
/// Multicall3, at the same address everywhere.
pub const MULTICALL3: &str = "0xcA11bde05977b3631167028862bE2a173976CA11";
/// `GasPriceOracle` of the OP stack.
pub const GAS_PRICE_ORACLE: &str = "0x420000000000000000000000000000000000000F";
/// `L1Block` of the OP stack.
pub const L1_BLOCK: &str = "0x4200000000000000000000000000000000000015";
/// `ArbGasInfo` of Arbitrum.
pub const ARB_GAS_INFO: &str = "0x000000000000000000000000000000000000006C";
/// `NodeInterface` of Arbitrum.
pub const NODE_INTERFACE: &str = "0x00000000000000000000000000000000000000C8";

/// ETH/USD at the start, 8 decimals.
pub const ETH_USD_E8: u64 = 265_000_000_000;
/// USDC/USD at the start, 8 decimals.
pub const USDC_USD_E8: u64 = 99_990_000;

const OP_L1: L1Prices = L1Prices {
    base_fee_wei: 5_000_000_000,
    blob_base_fee_wei: 300_000_000,
    base_fee_scalar: 5_227,
    blob_base_fee_scalar: 1_014_213,
    operator_fee_scalar: 0,
    operator_fee_constant: 0,
};
const BASE_L1: L1Prices = L1Prices { base_fee_scalar: 2_269, blob_base_fee_scalar: 1_055_762, ..OP_L1 };
const NO_L1: L1Prices = L1Prices {
    base_fee_wei: 0,
    blob_base_fee_wei: 0,
    base_fee_scalar: 0,
    blob_base_fee_scalar: 0,
    operator_fee_scalar: 0,
    operator_fee_constant: 0,
};

impl ChainSpec {
    /// Ethereum mainnet's stand-in.
    pub const ETHEREUM: Self = Self {
        name: "Ethereum",
        chain_id: 1,
        kind: ChainKind::Ethereum,
        usdc: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        usdc_name: "USD Coin",
        tokens: &TokenSpec::ALL,
        eth_usd_feed: "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
        usdc_usd_feed: "0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6",
        base_fee_wei: 5_000_000_000,
        priority_fee_wei: 100_000_000,
        l1: NO_L1,
        port: 18501,
        real_block_time_ms: 12_000,
    };
    /// Base's stand-in.
    pub const BASE: Self = Self {
        name: "Base",
        chain_id: 8453,
        kind: ChainKind::OpStack,
        usdc: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        usdc_name: "USD Coin",
        tokens: &TokenSpec::ALL,
        eth_usd_feed: "0x71041dddad3595F9CEd3DcCFBe3D1F4b0a16Bb70",
        usdc_usd_feed: "0x7e860098F58bBFC8648a4311b374B1D669a2bc6B",
        base_fee_wei: 5_000_000,
        priority_fee_wei: 1_000_000,
        l1: BASE_L1,
        port: 18453,
        real_block_time_ms: 2_000,
    };
    /// OP Mainnet's stand-in.
    pub const OP: Self = Self {
        name: "OP",
        chain_id: 10,
        kind: ChainKind::OpStack,
        usdc: "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85",
        usdc_name: "USD Coin",
        tokens: &TokenSpec::ALL,
        eth_usd_feed: "0x13e3Ee699D1909E989722E753853AE30b17e08c5",
        usdc_usd_feed: "0x16a9FA2FDa030272Ce99B29CF780dFA30361E0f3",
        base_fee_wei: 8_000_000,
        priority_fee_wei: 1_000_000,
        l1: OP_L1,
        port: 18510,
        real_block_time_ms: 2_000,
    };
    /// Arbitrum One's stand-in.
    pub const ARBITRUM: Self = Self {
        name: "Arbitrum",
        chain_id: 42161,
        kind: ChainKind::Arbitrum,
        usdc: "0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
        usdc_name: "USD Coin",
        tokens: &TokenSpec::ALL,
        eth_usd_feed: "0x639Fe6ab55C921f74e7fac1ee960C0B6293ba612",
        usdc_usd_feed: "0x50834F3163758fcC1Df9973b6e91f0F0F0434aD3",
        base_fee_wei: 20_000_000,
        priority_fee_wei: 0,
        l1: L1Prices { base_fee_wei: 200_000_000, base_fee_scalar: 1_000_000, ..NO_L1 },
        port: 18561,
        real_block_time_ms: 250,
    };
    /// Base Sepolia's stand-in.
    pub const BASE_SEPOLIA: Self = Self {
        name: "Base Sepolia",
        chain_id: 84532,
        kind: ChainKind::OpStack,
        usdc: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        usdc_name: "USDC",
        tokens: &TokenSpec::ALL,
        eth_usd_feed: "0x4aDC67696bA383F43DD60A9e78F2C97Fbbfc7cb1",
        usdc_usd_feed: "0xd30e2101a97dcbAeBCBC04F14C3f624E67A35165",
        base_fee_wei: 1_000_000,
        priority_fee_wei: 1_000_000,
        l1: L1Prices { base_fee_wei: 1_000_000_000, ..BASE_L1 },
        port: 18532,
        real_block_time_ms: 2_000,
    };
    /// All of them.
    pub const ALL: [Self; 5] = [Self::ETHEREUM, Self::BASE, Self::OP, Self::ARBITRUM, Self::BASE_SEPOLIA];

    /// EIP-712 domain version of USDC.
    pub const USDC_VERSION: &str = "2";

    /// The chain with this id, if it is one of [`ALL`](Self::ALL).
    pub fn by_id(chain_id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|spec| spec.chain_id == chain_id)
    }

    /// The CAIP-2 name, as x402 v2 spells networks.
    pub fn caip2(&self) -> String {
        format!("eip155:{}", self.chain_id)
    }

    /// Whether a part of a transaction's cost is data on L1.
    pub(crate) fn pays_l1(&self) -> bool {
        self.kind != ChainKind::Ethereum
    }
}
