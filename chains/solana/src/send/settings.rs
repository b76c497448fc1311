use serde::{Deserialize, Serialize};

/// Settings of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SendSettings {
    /// How long a caller waits before it is told that the outcome is unknown, in milliseconds. The transaction is looked
    /// after for longer: until it is in a block or cannot be any more, which takes about a minute.
    pub patience_ms: u64,
    /// How long results are remembered, in milliseconds.
    pub retention_ms: u64,
    /// The most transactions on their way at a time; more are refused.
    pub in_flight_max: usize,
    /// A fee payer with fewer lamports than this takes no turn.
    pub fee_payer_min_lamports: u64,
}

impl Default for SendSettings {
    fn default() -> Self {
        Self {
            patience_ms: 60_000,
            retention_ms: 7 * 24 * 60 * 60 * 1000,
            in_flight_max: 16_384,
            // A fee payer must keep what an empty account must hold; beyond that, some hundred dear transactions.
            fee_payer_min_lamports: 10_000_000,
        }
    }
}
