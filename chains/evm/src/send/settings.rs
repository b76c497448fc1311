use serde::{Deserialize, Serialize};

/// How the inclusion of a transaction is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Inclusion {
    /// By `eth_sendRawTransactionSync` as long as the node knows it, else as [`Inclusion::Watch`].
    #[default]
    Auto,
    /// By looking for receipts when there is a new block: pushed over a WebSocket, else asked for ten times per
    /// block time.
    Watch,
}

/// Settings of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SendSettings {
    /// How inclusion is learned.
    pub inclusion: Inclusion,
    /// How long a caller waits before it is told that the outcome is unknown, in milliseconds; zero is ten blocks and
    /// at least a minute. The transaction is looked after for longer.
    pub patience_ms: u64,
    /// How long results are remembered, in milliseconds.
    pub retention_ms: u64,
    /// The most transactions on their way at a time; more are refused.
    pub in_flight_max: usize,
    /// The most that may be offered per gas for a transaction that is stuck, in multiples of what was offered for it
    /// first; one or less never offers more.
    pub bid_times_max: u32,
    /// The most that is ever offered per gas, in wei; zero is no bound.
    pub fee_cap_wei: u64,
    /// A signer with coin for fewer payments than this, at today's fees, is reported.
    pub low_payments: u32,
    /// A signer with coin for fewer payments than this leaves the rotation, while others are better off.
    pub reserve_payments: u32,
}

impl Default for SendSettings {
    fn default() -> Self {
        Self {
            inclusion: Inclusion::Auto,
            patience_ms: 0,
            retention_ms: 7 * 24 * 60 * 60 * 1000,
            in_flight_max: 16_384,
            bid_times_max: 100,
            fee_cap_wei: 0,
            low_payments: 100,
            reserve_payments: 20,
        }
    }
}

impl SendSettings {
    /// The most to offer per gas for what `first_wei` was offered for at first.
    pub(super) fn cap_wei(&self, first_wei: u128) -> u128 {
        self.absolute_wei().min(first_wei.saturating_mul(self.bid_times_max.into()))
    }

    /// The most to offer per gas for anything.
    pub(super) fn absolute_wei(&self) -> u128 {
        if self.fee_cap_wei == 0 { u128::MAX } else { self.fee_cap_wei.into() }
    }

    pub(super) fn patience_ms(&self, block_ms: u32) -> u64 {
        match self.patience_ms {
            0 => u64::from(block_ms).saturating_mul(10).max(60_000),
            set => set,
        }
    }
}
