use crate::{
    Action, Answer, AttemptId, Authorization, Demand, Fate, Plan, Reading, Receipt, Reserved, Result,
};

/// The side that signs.
///
/// * `plan` is pure but for a holdings snapshot: no network I/O while that is warm, no signature, no side effect.
/// * `plan_now` is `plan` for when nothing has to be waited for. A scheme may leave it out and is only slower for it; so is
///   a wrapper, whose `plan` is then asked for everything.
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
    /// The very answer of `plan`, on the spot, while everything that it needs is warm; `None` when `plan` has to be asked,
    /// which waits. This runs once per entry of every 402: it blocks on nothing and does no I/O.
    ///
    /// ```
    /// # use tollway_core::{Code, Demand, Error, Plan, Result};
    /// # struct Paying;
    /// # impl Paying {
    /// # fn held(&self) -> Option<u128> { None }
    /// # fn planned(&self, _: &Demand<'_>, _: u128) -> Result<Plan> { Err(Error::us(Code::Internal)) }
    /// fn plan_now(&self, demand: &Demand<'_>) -> Option<Result<Plan>> {
    ///     let held = self.held()?; // the balance of a moment ago, or `None`
    ///     Some(self.planned(demand, held)) // the rest, which `plan` shares
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `plan`.
    fn plan_now(&self, _demand: &Demand<'_>) -> Option<Result<Plan>> {
        None
    }
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
