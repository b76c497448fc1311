//! Chains as far as a router need know them: a fee market to look at, balances, and what became of a transaction.

use crate::{Account, Amount, AssetId, ChainId, Effort, Part, Result, Time, TxId, Work};
use arrayvec::ArrayVec;
use std::fmt;
use std::sync::Arc;

/// How soon a transaction should be included; fees are always asked *for a purpose*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Purpose {
    /// Somebody waits: the next block or two.
    Interactive,
    /// Within a few minutes.
    Background,
    /// The least that is ever included; for lower bounds.
    Floor,
}

/// Facts of a chain that do not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkTraits {
    /// Expected time between blocks, in milliseconds.
    pub block_ms: u32,
    /// True when its coins are worth nothing.
    pub testnet: bool,
}

/// A live chain.
///
/// Sending, batching and nonces are not here: they belong to the chain crate's own typed trait, which a scheme asks
/// for when it is built ([`crate::Site::chain`]). Implementations bound every call in time and size themselves.
///
/// * All methods are reads: safe to retry, safe to drop (cancel safe).
/// * `tariff` looks at the fee market once; the quote book caches it. Wrong: looking up the price of one
///   transaction. Right: taking a snapshot that prices any transaction without I/O.
#[crate::async_trait]
pub trait Network: Send + Sync {
    /// Which chain this is.
    fn id(&self) -> ChainId;
    /// Its unmoving facts.
    fn traits(&self) -> NetworkTraits;
    /// One look at the fee market, for work that writes `touching`.
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>>;
    /// What `owner` holds of each asset, in the order asked.
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>>;
    /// What became of a transaction.
    async fn outcome(&self, tx: &TxId) -> Result<Outcome>;
}

/// A snapshot of a fee market that prices any work without I/O.
pub trait Tariff: fmt::Debug + Send + Sync {
    /// What `work` costs in the chain's own coin, before sharing.
    ///
    /// # Errors
    /// When the work lies outside what this chain can do or the sum does not fit.
    fn price(&self, work: &Work) -> Result<Cost>;
    /// When the snapshot was taken.
    fn taken_at(&self) -> Time;
    /// Until when it may be used without a newer one.
    fn valid_until(&self) -> Time;
    /// Where it comes from, for people: `eth_feeHistory@12345`.
    fn source(&self) -> &str;
}

/// A cost in a chain's own coin, by parts. The total is the sum of the parts, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The coin it is paid in.
    pub asset: AssetId,
    /// Atomic units of the coin by part, each part at most once.
    pub parts: ArrayVec<(Part, u128), 6>,
}

impl Cost {
    /// A cost of nothing yet.
    pub fn new(asset: AssetId) -> Self {
        Self { asset, parts: ArrayVec::new() }
    }
    /// Adds `atomic` to a part; zero adds nothing.
    ///
    /// # Errors
    /// When the sum does not fit.
    pub fn add(&mut self, part: Part, atomic: u128) -> Result<()> {
        let over = || crate::Error::us(crate::Code::InvalidAmount).detail("cost does not fit");
        if let Some((_, have)) = self.parts.iter_mut().find(|(p, _)| *p == part) {
            *have = have.checked_add(atomic).ok_or_else(over)?;
        } else if atomic > 0 {
            self.parts.try_push((part, atomic)).map_err(|_| over())?;
        }
        Ok(())
    }
    /// The sum of the parts; saturates.
    pub fn total(&self) -> u128 {
        self.parts.iter().fold(0u128, |sum, (_, n)| sum.saturating_add(*n))
    }
}

/// What became of a transaction, as the chain tells it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The node does not know it; it may still turn up.
    Unseen,
    /// Known, not in a block.
    Pending,
    /// In a block, and it failed there.
    Failed,
    /// In a block, and it did what it should.
    Included {
        /// Blocks on top of the including one.
        confirmations: u32,
        /// True when the chain's configured finality has been reached.
        finalized: bool,
    },
}

/// What is known of a family of chains without any node: spellings, v1 names, tokens. Plain data, `const`.
#[derive(Clone, Copy)]
pub struct Family {
    /// CAIP-2 namespace: `eip155`, `solana`.
    pub namespace: &'static str,
    /// Any spelling of an account or token address → the one canonical spelling.
    pub address: fn(&str) -> Result<arrayvec::ArrayString<{ crate::ids::KEY_BYTES_MAX }>>,
    /// The canonical spelling → the one to emit (EIP-55 checksums for EVM).
    pub display: fn(&str) -> String,
    /// Chains of this family with a name.
    pub networks: &'static [KnownNetwork],
    /// Tokens whose facts are known and trusted above what a peer says.
    pub assets: &'static [KnownAsset],
}

impl Family {
    /// The canonical account for any spelling of it.
    ///
    /// # Errors
    /// [`crate::Code::InvalidAddress`] when the family cannot read it.
    pub fn account(&self, chain: ChainId, spelling: &str) -> Result<Account> {
        // The name of a chain's own coin stands where a token's address does; nobody is called so.
        if spelling == AssetId::NATIVE {
            return Err(crate::Error::payee(crate::Code::InvalidAddress)
                .detail(format!("{spelling:?} is an asset and nobody's address")));
        }
        Account::new(chain, &(self.address)(spelling)?)
    }
    /// The canonical asset for any spelling of it.
    ///
    /// # Errors
    /// [`crate::Code::InvalidAddress`] when the family cannot read it.
    pub fn asset(&self, chain: ChainId, spelling: &str) -> Result<AssetId> {
        AssetId::new(chain, &(self.address)(spelling)?)
    }
    /// The token's known facts.
    pub fn known(&self, asset: &AssetId) -> Option<&'static KnownAsset> {
        // Chains differ in length, most of them; keys do not.
        self.assets.iter().find(|a| a.chain == asset.chain.as_str() && a.key == asset.key())
    }
    /// The chain's known facts.
    pub fn network(&self, chain: &ChainId) -> Option<&'static KnownNetwork> {
        self.networks.iter().find(|n| n.chain == chain.as_str())
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Family({})", self.namespace)
    }
}

/// A chain that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownNetwork {
    /// CAIP-2 id.
    pub chain: &'static str,
    /// For people: `Base`.
    pub title: &'static str,
    /// The name x402 v1 has for it, where it has one: `base`.
    pub v1_name: Option<&'static str>,
    /// Symbol of its own coin.
    pub coin: &'static str,
    /// Fraction digits of its own coin.
    pub coin_decimals: u8,
    /// True when its coins are worth nothing.
    pub testnet: bool,
}

/// A token whose facts are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAsset {
    /// CAIP-2 id.
    pub chain: &'static str,
    /// Canonical token address.
    pub key: &'static str,
    /// For people: `USDC`.
    pub symbol: &'static str,
    /// Fraction digits.
    pub decimals: u8,
    /// What belongs into `extra` (the EIP-712 domain), as key and string value.
    pub extra: &'static [(&'static str, &'static str)],
}

/// The chains that an [`Effort`] can be priced on have one coin; this is the coin-independent part of the question.
pub fn touched(effort: &Effort) -> impl Iterator<Item = &Account> {
    effort.works.iter().flat_map(|w| w.touches.iter())
}
