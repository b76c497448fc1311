//! When a transaction counts as done.

use serde::{Deserialize, Serialize};

/// When a mined transaction counts as done.
///
/// The default is [`Finality::Included`]: on a rollup one sequencer orders transactions, and takes back a block only if
/// it breaks. On a layer 1 the newest block is sometimes replaced; who sells what cannot be taken back asks for
/// [`Finality::Confirmations`] or more there, and waits that much longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finality {
    /// As soon as it is in a block.
    #[default]
    Included,
    /// With so many blocks on top of its own.
    Confirmations(u32),
    /// Once its block is `safe`.
    Safe,
    /// Once its block is `finalized`.
    Finalized,
}

impl Finality {
    /// The question whose answer decides, beside the receipt itself.
    pub(crate) fn question(self) -> Option<&'static str> {
        match self {
            Self::Included | Self::Confirmations(0) => None,
            Self::Confirmations(_) => Some("latest"),
            Self::Safe => Some("safe"),
            Self::Finalized => Some("finalized"),
        }
    }

    /// True when a transaction of `block` is done, as of the number that the question was answered with.
    pub(crate) fn reached(self, block: u64, answered: Option<u64>) -> bool {
        match (self, answered) {
            (Self::Included | Self::Confirmations(0), _) => true,
            (Self::Confirmations(n), Some(head)) => head.saturating_sub(block) >= u64::from(n),
            (Self::Safe | Self::Finalized, Some(done)) => done >= block,
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_done_only_when_it_is() {
        assert!(Finality::Included.reached(5, None));
        assert!(Finality::Confirmations(0).reached(5, None));
        assert!(!Finality::Confirmations(2).reached(5, Some(6)));
        assert!(Finality::Confirmations(2).reached(5, Some(7)));
        assert!(!Finality::Confirmations(2).reached(5, Some(1)), "a head that lags behind");
        assert!(!Finality::Safe.reached(5, Some(4)));
        assert!(Finality::Finalized.reached(5, Some(5)));
        assert!(!Finality::Finalized.reached(5, None));
    }
}
