use tollway_core::{ChainId, Result};

/// What a simulated chain is like. Every field is a knob.
#[derive(Debug, Clone)]
pub struct SimSettings {
    /// Its name; `sim:…`, or that of a chain it stands for.
    pub chain: ChainId,
    /// Time between blocks, in milliseconds. Default 2,000.
    pub block_ms: u32,
    /// Blocks on top after which a block is final, so that no reorg reaches it. Default 3.
    pub finality: u32,
    /// The most transactions of one block. Default 200.
    pub block_txs: usize,
    /// The fee market.
    pub fees: FeeSettings,
    /// What happens between sending and inclusion.
    pub pool: PoolSettings,
}

/// A fee market: amounts in the coin's smallest unit.
#[derive(Debug, Clone, Copy)]
pub struct FeeSettings {
    /// The base fee per gas that the chain begins with. Default 1,000,000,000.
    pub base: u128,
    /// It never falls below this. Default 1,000.
    pub floor: u128,
    /// It never rises above this. Default 1,000,000,000,000.
    pub cap: u128,
    /// By how many thousandths it may move in a block, at random; 125 and more mean 125, an eighth. Default 125.
    pub walk_per_mille: u16,
    /// Tip per gas of an interactive transaction; a background one pays half, the floor nothing. Default 1,000,000.
    pub tip: u128,
    /// What each byte of a transaction costs on the layer below. Default 0: there is none.
    pub l1_per_byte: u128,
    /// What each byte of new program state costs. Default 0.
    pub rent_per_byte: u128,
    /// For how many blocks a tariff is fresh. Default 4.
    pub fresh_blocks: u32,
}

/// What happens to a transaction between sending and inclusion, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolSettings {
    /// It is lost on the way to the miners, and the sender hears nothing of it.
    pub drop_per_mille: u16,
    /// It is not seen by miners for up to [`Self::delay_blocks`].
    pub delay_per_mille: u16,
    /// The longest delay in blocks, at most 64.
    pub delay_blocks: u32,
    /// A block takes its transactions in any order instead of the order of arrival.
    pub reorder_per_mille: u16,
    /// Somebody sends it a second time, later.
    pub duplicate_per_mille: u16,
    /// A new block is followed by a reorg of a depth below the finality.
    pub reorg_per_mille: u16,
}

/// How badly a node answers, in thousandths of its calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct RpcSettings {
    /// It answers after up to [`Self::late_ms`].
    pub late_per_mille: u16,
    /// The longest delay in milliseconds.
    pub late_ms: u64,
    /// It fails before it has done anything.
    pub before_per_mille: u16,
    /// It does what it was asked, and the answer is lost.
    pub after_per_mille: u16,
    /// It answers from a block before the newest, at most [`Self::stale_blocks`] back.
    pub stale_per_mille: u16,
    /// How many blocks back a stale answer may come from.
    pub stale_blocks: u32,
}

impl SimSettings {
    /// A calm chain: no drops, no reorgs, blocks every two seconds.
    ///
    /// # Errors
    /// [`tollway_core::Code::InvalidNetwork`] when `chain` is no CAIP-2 id.
    pub fn calm(chain: &str) -> Result<Self> {
        Ok(Self {
            chain: ChainId::new(chain)?,
            block_ms: 2_000,
            finality: 3,
            block_txs: 200,
            fees: FeeSettings::default(),
            pool: PoolSettings::default(),
        })
    }
    /// A chain that drops, delays, repeats, reorders and reorganises.
    ///
    /// # Errors
    /// As [`Self::calm`].
    pub fn stormy(chain: &str) -> Result<Self> {
        let pool = PoolSettings {
            drop_per_mille: 100,
            delay_per_mille: 200,
            delay_blocks: 4,
            reorder_per_mille: 500,
            duplicate_per_mille: 100,
            reorg_per_mille: 50,
        };
        Ok(Self { pool, ..Self::calm(chain)? })
    }
}

impl Default for FeeSettings {
    fn default() -> Self {
        Self {
            base: 1_000_000_000,
            floor: 1_000,
            cap: 1_000_000_000_000,
            walk_per_mille: 125,
            tip: 1_000_000,
            l1_per_byte: 0,
            rent_per_byte: 0,
            fresh_blocks: 4,
        }
    }
}

impl RpcSettings {
    /// A node that fails in every way, each in 5% of its calls.
    pub const ROUGH: Self = Self {
        late_per_mille: 50,
        late_ms: 5_000,
        before_per_mille: 50,
        after_per_mille: 50,
        stale_per_mille: 50,
        stale_blocks: 2,
    };
}
