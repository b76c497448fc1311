//! A settler that could not be found.

use tollway_core::{
    Amount, Due, Effort, Error, Fate, Kind, Order, Proof, Receipt, Result, Settler, async_trait,
};

/// Answers everything with the reason why there is nobody.
pub(super) struct Absent(pub(super) Error);

#[async_trait]
impl Settler for Absent {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        Err(self.0.clone())
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        Err(self.0.clone())
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        Err(self.0.clone())
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        Err(self.0.clone())
    }
    async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
        // Whatever was said of it before, nothing can be said of it now.
        let words = format!("nobody can be asked about {}: {}", order.requirement.chain, self.0);
        Err(Error::unknown(self.0.code.clone(), None).detail(words))
    }
}
