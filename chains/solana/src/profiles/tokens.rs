use crate::token::{Mint, TokenProgram};
use solana_pubkey::Pubkey;
use tollway_core::KnownAsset;

const MAINNET: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
const DEVNET: &str = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
const TESTNET: &str = "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z";

const USDC: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const USDT: &str = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB";
const USDC_TEST: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";

/// Tokens that the reference SDK knows too. The first of a chain is what a price in dollars means there.
pub(crate) const TOKENS: &[KnownAsset] = &[
    token(MAINNET, USDC, "USDC"),
    token(MAINNET, USDT, "USDT"),
    token(MAINNET, "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH", "USDG"),
    token(MAINNET, "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo", "PYUSD"),
    token(MAINNET, "CASHx9KJUStyftLFWGvEVf59SGeG9sh5FfcnZMVPCASH", "CASH"),
    token(DEVNET, USDC_TEST, "USDC"),
    token(DEVNET, "4F6PM96JJxngmHnZLBh9n58RH4aTVNWvDs2nuwrT5BP7", "USDG"),
    token(DEVNET, "CXk2AMBfi3TwaEL2468s6zP8xq9NxTXjp9gjMgzeUynM", "PYUSD"),
    token(TESTNET, USDC_TEST, "USDC"),
    token(TESTNET, "4F6PM96JJxngmHnZLBh9n58RH4aTVNWvDs2nuwrT5BP7", "USDG"),
    token(TESTNET, "CXk2AMBfi3TwaEL2468s6zP8xq9NxTXjp9gjMgzeUynM", "PYUSD"),
];

/// All of them count in millionths.
const fn token(chain: &'static str, key: &'static str, symbol: &'static str) -> KnownAsset {
    KnownAsset { chain, key, symbol, decimals: 6, extra: &[] }
}

/// Mints of the plain Token program, which has no extensions: what is known of them can never change.
pub(crate) fn plain() -> impl Iterator<Item = (Pubkey, Mint)> {
    let keys = [USDC, USDT, USDC_TEST].into_iter().filter_map(|key| key.parse().ok());
    keys.map(|key| (key, Mint { program: TokenProgram::Token, decimals: 6, extensions: Vec::new() }))
}
