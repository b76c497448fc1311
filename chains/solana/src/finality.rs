//! When a transaction counts as done.

use crate::rpc::Level;
use serde::{Deserialize, Serialize};

/// When a transaction in a block counts as done.
///
/// The default is [`Finality::Confirmed`]: two thirds of the stake have voted for its block, and no such block was ever
/// taken back. Who sells what cannot be taken back at any price asks for [`Finality::Finalized`], and waits some ten
/// seconds longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finality {
    /// As soon as the node has run it. Its block may still be dropped with its fork: for local chains and small change.
    Processed,
    /// Once two thirds of the stake have voted for its block.
    #[default]
    Confirmed,
    /// Once its block is rooted.
    Finalized,
}

impl Finality {
    pub(crate) const fn level(self) -> Level {
        match self {
            Self::Processed => Level::Processed,
            Self::Confirmed => Level::Confirmed,
            Self::Finalized => Level::Finalized,
        }
    }

    /// True when a transaction of that level, as nodes name it, is done.
    pub(crate) fn reached(self, level: &str) -> bool {
        match self {
            Self::Processed => matches!(level, "processed" | "confirmed" | "finalized"),
            Self::Confirmed => matches!(level, "confirmed" | "finalized"),
            Self::Finalized => level == "finalized",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_done_only_when_it_is() {
        assert!(Finality::Processed.reached("processed"));
        assert!(!Finality::Confirmed.reached("processed") && Finality::Confirmed.reached("confirmed"));
        assert!(!Finality::Finalized.reached("confirmed") && Finality::Finalized.reached("finalized"));
        assert!(!Finality::Processed.reached("rumoured"), "an unknown word is no level");
    }
}
