//! Solana, as data: ids, addresses and what its fees look like on a quiet day.

/// Genesis hash of mainnet.
pub const SOLANA_GENESIS_HASH: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";

/// The CAIP-2 name of Solana, as x402 v2 spells networks.
pub const SOLANA_CAIP2: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";

/// The port of Solana's proxy when [`fixed_ports`](crate::DevnetBuilder::fixed_ports) is asked for.
pub const SOLANA_PORT: u16 = 18899;

/// SOL/USD at the start, 8 decimals.
pub const SOL_USD_E8: u64 = 14_200_000_000;

/// Priority fee at the start, in millionths of a lamport per compute unit.
pub const SOLANA_PRIORITY_FEE: u64 = 10_000;

/// What a transaction pays for each of its signatures, in lamports.
pub const LAMPORTS_PER_SIGNATURE: u64 = 5_000;

/// The account in which SOL/USD stands, as mainnet has it.
pub const SOL_USD_FEED: &str = "7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE";

/// The account in which USDC/USD stands, as mainnet has it.
pub const SOLANA_USDC_USD_FEED: &str = "Dpw1EAVrSB1ibxiDQyTAW6Zip3J4Btk2x4SgApQCeFbX";

pub(crate) const NAME: &str = "Solana";

/// Milliseconds from slot to slot on mainnet.
pub(crate) const SLOT_MS: u64 = 400;

pub(crate) const SYSTEM_PROGRAM: &str = "11111111111111111111111111111111";
pub(crate) const COMPUTE_BUDGET_PROGRAM: &str = "ComputeBudget111111111111111111111111111111";
pub(crate) const TOKEN_PROGRAM: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
pub(crate) const TOKEN_2022_PROGRAM: &str = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb";
pub(crate) const ATA_PROGRAM: &str = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
/// The program that owns price feeds.
pub(crate) const FEED_PROGRAM: &str = "rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ";

/// A token on the local Solana, all with 6 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SolanaToken {
    /// Its name, for people.
    pub name: &'static str,
    /// The address of its mint in base58.
    pub mint: &'static str,
    /// The token program that it belongs to.
    pub program: &'static str,
    /// The transfer fee in hundredths of a percent, where the mint has one.
    pub transfer_fee_bps: Option<u16>,
}

impl SolanaToken {
    /// USDC, at its mint on mainnet.
    pub const USDC: Self = Self {
        name: "USDC",
        mint: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        program: TOKEN_PROGRAM,
        transfer_fee_bps: None,
    };
    /// A token of Token-2022 without anything special; it exists on devnets only.
    pub const PLAIN_2022: Self = Self {
        name: "PLAIN2022",
        mint: "J5DjjNhoSgdWSaD5yFKaq8c9xv1WEKkMTUr1wSdYVeJm",
        program: TOKEN_2022_PROGRAM,
        transfer_fee_bps: None,
    };
    /// A token of Token-2022 that keeps 1% of every transfer, at most one token; it exists on devnets only.
    pub const FEE_2022: Self = Self {
        name: "FEE2022",
        mint: "3DxhNBiNUeYAs3ZuCXS7azZ94moWwZsESm2U5cwFLKwB",
        program: TOKEN_2022_PROGRAM,
        transfer_fee_bps: Some(100),
    };
    /// All of them.
    pub const ALL: [Self; 3] = [Self::USDC, Self::PLAIN_2022, Self::FEE_2022];

    /// Decimals of every token here.
    pub const DECIMALS: u8 = 6;

    /// The token with this mint, if it is one of [`ALL`](Self::ALL).
    pub fn by_mint(mint: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token| token.mint == mint)
    }
}
