//! How bad the weather is.

use tollway_core::Result;
use tollway_testkit::fault::FaultPlan;
use tollway_testkit::sim::{PoolSettings, RpcSettings, SimSettings};

/// What can go wrong, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wires {
    /// A message arrives late: up to [`Self::late_ms`], so that later ones come before it.
    pub(crate) late_per_mille: u16,
    pub(crate) late_ms: u64,
    /// The connection is never made.
    pub(crate) refuse_per_mille: u16,
    /// A message is lost on the way there, or on the way back; half of the time the connection breaks, else nobody ever
    /// hears of it again.
    pub(crate) lose_per_mille: u16,
    /// A message arrives twice.
    pub(crate) twice_per_mille: u16,
    /// A request is cancelled on the other side when whoever sent it has gone.
    pub(crate) hang_up_per_mille: u16,
    /// Somebody who saw a payment shows it for something else.
    pub(crate) steal_per_mille: u16,
}

/// What goes wrong in a run.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    pub(crate) wires: Wires,
    pub(crate) disk: FaultPlan,
    pub(crate) rpc: RpcSettings,
    pub(crate) pool: PoolSettings,
    /// How often somebody crashes: the longest pause between two crashes, in milliseconds; 0 for never.
    pub(crate) crash_ms: u64,
    /// How long a crashed process stays away at most.
    pub(crate) away_ms: u64,
    /// In so many of a thousand visits the shop's own handler fails.
    pub(crate) handler_fails_per_mille: u16,
}

impl Storm {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        wires: Wires {
            late_per_mille: 0,
            late_ms: 0,
            refuse_per_mille: 0,
            lose_per_mille: 0,
            twice_per_mille: 0,
            hang_up_per_mille: 0,
            steal_per_mille: 0,
        },
        disk: FaultPlan::NONE,
        rpc: RpcSettings {
            late_per_mille: 0,
            late_ms: 0,
            before_per_mille: 0,
            after_per_mille: 0,
            stale_per_mille: 0,
            stale_blocks: 0,
        },
        pool: PoolSettings {
            drop_per_mille: 0,
            delay_per_mille: 0,
            delay_blocks: 0,
            reorder_per_mille: 0,
            duplicate_per_mille: 0,
            reorg_per_mille: 0,
        },
        crash_ms: 0,
        away_ms: 0,
        handler_fails_per_mille: 0,
    };

    /// Everything goes wrong now and then, and every process crashes every minute or so.
    pub const ROUGH: Self = Self {
        wires: Wires {
            late_per_mille: 100,
            late_ms: 20_000,
            refuse_per_mille: 20,
            lose_per_mille: 40,
            twice_per_mille: 50,
            hang_up_per_mille: 500,
            steal_per_mille: 50,
        },
        disk: FaultPlan {
            slow_per_mille: 20,
            slow_ms: 1_000,
            before_per_mille: 10,
            after_per_mille: 10,
            stale_per_mille: 0,
            duplicate_per_mille: 20,
            lying_per_mille: 0,
        },
        rpc: RpcSettings {
            late_per_mille: 50,
            late_ms: 4_000,
            before_per_mille: 40,
            after_per_mille: 40,
            stale_per_mille: 50,
            stale_blocks: 2,
        },
        pool: PoolSettings {
            drop_per_mille: 50,
            delay_per_mille: 100,
            delay_blocks: 4,
            reorder_per_mille: 500,
            duplicate_per_mille: 50,
            reorg_per_mille: 30,
        },
        crash_ms: 15_000,
        away_ms: 10_000,
        handler_fails_per_mille: 20,
    };

    pub(crate) fn chain(&self, name: &str) -> Result<SimSettings> {
        Ok(SimSettings { pool: self.pool, ..SimSettings::calm(name)? })
    }
}
