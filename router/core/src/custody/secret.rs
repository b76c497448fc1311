//! What nobody else knows of a hold.

use crate::HoldId;

/// Drawn once for each warden, and never shown.
#[derive(Clone)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) const fn new(drawn: [u8; 32]) -> Self {
        Self(drawn)
    }

    /// The hold of this signature. The ledger takes an id that it knows as said before, and counts nothing.
    pub(super) fn hold(&self, key: &str, digest: &str) -> HoldId {
        let secret: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        HoldId(format!("custody/{key}/{secret}/{digest}"))
    }
}
