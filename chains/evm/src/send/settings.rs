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
}

impl Default for SendSettings {
    fn default() -> Self {
        Self {
            inclusion: Inclusion::Auto,
            patience_ms: 0,
            retention_ms: 7 * 24 * 60 * 60 * 1000,
            in_flight_max: 16_384,
        }
    }
}

impl SendSettings {
    pub(super) fn patience_ms(&self, block_ms: u32) -> u64 {
        match self.patience_ms {
            0 => u64::from(block_ms).saturating_mul(10).max(60_000),
            set => set,
        }
    }
}
