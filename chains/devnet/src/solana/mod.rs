//! A local Solana: surfpool, with the proxy in front.

mod accounts;
mod address;
mod blocks;
mod chain;
mod feeds;
mod genesis;
mod knobs;
mod layout;
mod spec;
mod start;

pub use accounts::{SolanaAccount, SolanaAccounts};
pub use chain::SolanaChain;
pub use spec::{
    LAMPORTS_PER_SIGNATURE, SOL_USD_E8, SOL_USD_FEED, SOLANA_CAIP2, SOLANA_GENESIS_HASH, SOLANA_PORT,
    SOLANA_PRIORITY_FEE, SOLANA_USDC_USD_FEED, SolanaToken,
};
pub(crate) use start::{Wishes, start};
