use crate::{
    Action, Answer, AttemptId, Authorization, Demand, Fate, Plan, Reading, Receipt, Reserved, Result,
};

/// The side that signs.
///
/// * `plan` is pure but for a holdings snapshot: no network I/O while that is warm, no signature, no side effect.
/// * `authorize` signs once per call and is called once per attempt. It is the only method that touches a key.
///   Wrong: signing again because an answer was lost. Right: `resolve`, which asks the chain.
/// * `perform` sends the payer's own transaction; it is idempotent per action.
/// * Dropping any future is safe before `authorize` returns; afterwards the caller holds the only copy of the
///   authorization and has journaled it before sending.
#[crate::async_trait]
pub trait Payer: Send + Sync {
    /// What paying this entry would mean.
    ///
    /// # Errors
    /// Why this entry cannot be paid: it becomes the entry's rejection.
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan>;
    /// Does one of the plan's actions on chain and waits for it. Costs the payer's own gas.
    ///
    /// # Errors
    /// Why it was not done; [`crate::Next::Unknown`] when it may have been. Calling it again does it at most once.
    async fn perform(&self, action: &Action) -> Result<Receipt>;
    /// Signs what was reserved, nothing more.
    ///
    /// # Errors
    /// Why there is no signature. After an error nothing that can be spent has left this method.
    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization>;
    /// What the answer to a paid request means. Checks a receipt against what was signed.
    ///
    /// # Errors
    /// When it cannot be told. The signature is out all the same: the caller treats the outcome as unknown.
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading>;
    /// Asks the chain where an authorization stands. A read: safe to retry and to drop.
    ///
    /// # Errors
    /// When nobody could look. Wrong: taking that for "not paid". Right: asking again later.
    async fn resolve(&self, sent: &Authorization) -> Result<Fate>;
}
