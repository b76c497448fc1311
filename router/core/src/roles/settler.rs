use crate::{Due, Effort, Fate, Kind, Order, Proof, Receipt, Result};

/// The side that puts a payment on chain: our own chain code, or somebody's facilitator behind HTTP. A pool, a
/// journal and metrics are settlers too, wrapped around another.
///
/// * `verify` is read-only and idempotent: it may be called any number of times.
/// * `settle` takes a sealed [`Due`]; it is called at most once per claim. It may be dropped: what was sent is
///   journaled first, and `resume` finds it.
/// * An error from `settle` whose next step is [`crate::Next::Unknown`] means that money may have moved. Wrong:
///   calling `settle` again. Right: `resume`.
/// * `resume` never makes a second transaction; it may send the very same one again.
#[crate::async_trait]
pub trait Settler: Send + Sync {
    /// What it can do.
    async fn kinds(&self) -> Result<Vec<Kind>>;
    /// What settling this order will do on chain.
    async fn effort(&self, order: &Order) -> Result<Effort>;
    /// Does the payment hold on chain, now?
    async fn verify(&self, order: &Order) -> Result<Proof>;
    /// Settles, and waits for the set finality.
    async fn settle(&self, due: Due) -> Result<Receipt>;
    /// After a crash or an unknown outcome: what became of it.
    async fn resume(&self, order: &Order) -> Result<Fate>;
}
