//! Real local chains for Tollway: anvil and surfpool with tokens, feeds and predeploys.
//!
//! Ethereum, Base, OP, Arbitrum and Base Sepolia come up on this machine in about a second, with their real chain
//! ids, with USDC, Permit2, Multicall3 and price feeds at their real addresses, with fees like on a quiet day, and
//! with funded accounts. Nothing needs a faucet, a key or the network, except a first start, which fetches anvil and
//! a Solidity compiler into a cache (`TOLLWAY_CACHE`, else the user's cache directory), and surfpool when Solana is asked for. An `anvil` on PATH is used if
//! it is new enough; `TOLLWAY_ANVIL` names another.
//!
//! ```no_run
//! use tollway_devnet::{ChainSpec, Devnet};
//!
//! # async fn example() -> tollway_devnet::Result<()> {
//! let devnet = Devnet::builder().chains([ChainSpec::ETHEREUM, ChainSpec::BASE]).start().await?;
//! let base = devnet.chain(8453)?;
//! println!("Base at {}, USDC {}", base.http_url(), base.usdc());
//!
//! base.set_base_fee_wei(20_000_000).await?; // holds until it is changed
//! base.set_l1_base_fee_wei(30_000_000_000).await?; // L1 got expensive
//! base.set_eth_usd_e8(310_000_000_000).await?;
//!
//! let payer = devnet.accounts().payer(0);
//! println!("{} has {} millionths of USDC", payer.address(), base.usdc_balance(payer.address()).await?);
//! println!("{} calls so far", base.counts().total());
//! devnet.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Solana comes beside them when it [is asked for](DevnetBuilder::solana), with mainnet's genesis hash and USDC:
//!
//! ```no_run
//! # async fn example() -> tollway_devnet::Result<()> {
//! let devnet = tollway_devnet::Devnet::builder().chains([]).solana().start().await?;
//! let solana = devnet.solana()?;
//! solana.set_priority_fee(5_000_000); // the chain got busy
//! let payer = solana.accounts().payer(0);
//! println!("{} has {:?} millionths of USDC", payer.address(), solana.usdc_balance(payer.address()).await?);
//! # Ok(())
//! # }
//! ```
//!
//! `tollway devnet` and `cargo demo` run on this crate, and so do the tests. To the library the chains are like any
//! others: it is given their URLs.
//!
//! # What is real, and what stands in
//!
//! - The node is anvil; with `--network optimism` on the rollups it charges the L1 data fee inside each transaction.
//! - Permit2, Multicall3, `GasPriceOracle` and `L1Block` are the published code, taken from their packages.
//! - USDC is a stand-in of our own behind a proxy, with the interface, the storage layout and the revert strings of
//!   the real token. Its gas is close to the real token's but not equal: take no cost constant from it.
//! - The x402 Permit2 proxies, at their real addresses, are our own, with the published interface and order of checks.
//! - Five tokens exist here only, at the same addresses on every chain ([`TokenSpec::ALL`]): a plain ERC-20, one with
//!   EIP-2612 permits, one that answers no bool, one with 18 decimals, and one that keeps a fee on each transfer.
//!   Nobody has an allowance at the start ([`Chain::set_allowance`]).
//! - Price feeds, `ArbGasInfo` and `NodeInterface` are our own, with the published interfaces.
//!
//! - Solana is surfpool, with the token programs and the runtime of a real node. USDC there is a mint of the real
//!   token program at the real address; two tokens of Token-2022 exist here only. The price accounts are laid out as
//!   Pyth's. A block comes with each transaction, or by the clock when there is a block time; slots, heights and
//!   blockhashes grow old with blocks ([`SolanaChain::make_blocks`]). The Lighthouse program is missing.
//!
//! # The proxy
//!
//! Programs talk to a chain through a proxy ([`Chain::http_url`], [`Chain::ws_url`]), which counts their calls
//! ([`Chain::counts`]), breaks them on request ([`Chain::set_faults`]), and puts right what anvil answers
//! differently from a real chain:
//!
//! - `eth_maxPriorityFeePerGas` is the chain's usual tip, not 1 gwei; `eth_gasPrice` follows.
//! - The base fee stays where it was put, also through thousands of blocks; anvil alone would let it decay.
//! - An idle chain gets an empty block every half minute, and its feeds a new time, as if it were alive
//!   ([`DevnetBuilder::keep_fresh`]).
//! - Rollups serve `eth_call` and `eth_estimateGas` also to callers without native coin.
//! - Receipts on the OP stack carry `l1Fee` and the prices behind it.
//! - On Arbitrum the L1 part is inside `gasUsed`, `gasUsedForL1` and `eth_estimateGas`, and the sender has paid it.
//!
//! - Solana's genesis hash, priority fees, fees, block times and refusals are those of a real node, and batches are
//!   served.
//!
//! What stays different: without a block time, `eth_sendRawTransaction` is answered when the block is there;
//! state can be read 256 blocks back; headers' `gasUsed` on Arbitrum leave the L1 part out, a gas limit need not cover it, and
//! the cumulative gas of a single receipt there knows its own L1 part only.

mod accounts;
mod chain;
mod chains;
mod devnet;
mod error;
mod fresh;
mod genesis;
mod knobs;
mod process;
mod proxy;
mod rpc;
mod slots;
mod solana;
mod tokens;
mod toolchain;

pub use accounts::{Account, Accounts, MNEMONIC};
pub use chain::Chain;
pub use chains::{
    ARB_GAS_INFO, ChainKind, ChainSpec, ETH_USD_E8, GAS_PRICE_ORACLE, L1_BLOCK, L1Prices, MULTICALL3,
    NODE_INTERFACE, PERMIT2, USDC_USD_E8, X402_EXACT_PERMIT2_PROXY, X402_UPTO_PERMIT2_PROXY,
};
pub use devnet::{Devnet, DevnetBuilder};
pub use error::{DevnetError, Result};
pub use genesis::USDC_MASTER;
pub use knobs::blocks::Snapshot;
pub use proxy::{Counts, Fault, FaultKind, Faults};
pub use solana::{
    LAMPORTS_PER_SIGNATURE, SOL_USD_E8, SOL_USD_FEED, SOLANA_CAIP2, SOLANA_GENESIS_HASH, SOLANA_PORT,
    SOLANA_PRIORITY_FEE, SOLANA_USDC_USD_FEED, SolanaAccount, SolanaAccounts, SolanaChain, SolanaToken,
};
pub use tokens::TokenSpec;
pub use toolchain::contract_abi;
