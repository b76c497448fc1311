use super::plan::Faults;
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Action, Answer, AttemptId, Authorization, Code, Demand, Error, Fate, Payer, Plan, Reading, Receipt,
    Reserved, Result, async_trait,
};

/// How soon somebody who does not know wants to be asked again.
const ASK_AGAIN_MS: u64 = 1_000;

/// A payer with faults.
///
/// Keeps: `plan` signs nothing and may be repeated; `authorize` is never repeated, and after an error nothing that can be
/// spent has left it, though the inner payer may have signed; a `perform` that fails is an unknown outcome always, since an
/// earlier call may have done it; `resolve` says "nobody knows yet" where another wrapper would be stale. It tells no lies.
pub struct FaultyPayer<P: ?Sized> {
    inner: Arc<P>,
    faults: Arc<Faults>,
}

impl<P: ?Sized> fmt::Debug for FaultyPayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyPayer")
    }
}

impl<P: Payer + ?Sized> FaultyPayer<P> {
    /// Wraps `inner`.
    pub fn new(inner: Arc<P>, faults: &Arc<Faults>) -> Self {
        Self { inner, faults: Arc::clone(faults) }
    }
}

fn lost() -> Error {
    Error::network(Code::Unreachable).detail("the signer did not answer")
}

/// A call that may be repeated, of which `$error` says that it failed.
macro_rules! repeated {
    ($faults:expr, $error:expr, $call:expr) => {{
        if $faults.before().await {
            return Err($error);
        }
        if $faults.twice() {
            let _ = $call.await;
        }
        let answer = $call.await;
        if $faults.after().await {
            return Err($error);
        }
        answer
    }};
}

#[async_trait]
impl<P: Payer + ?Sized> Payer for FaultyPayer<P> {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        repeated!(self.faults, lost(), self.inner.plan(demand))
    }
    async fn perform(&self, action: &Action) -> Result<Receipt> {
        let unknown = || Error::unknown(Code::TimedOut, None).detail("it may have been done");
        repeated!(self.faults, unknown(), self.inner.perform(action))
    }
    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        if self.faults.before().await {
            return Err(lost());
        }
        let signed = self.inner.authorize(demand, reserved, attempt).await;
        if self.faults.after().await { Err(lost()) } else { signed }
    }
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        repeated!(self.faults, lost(), self.inner.receive(sent, answer.clone()))
    }
    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        if self.faults.stale() {
            return Ok(Fate::NotYetKnown { ask_again: self.faults.clock().now().plus_ms(ASK_AGAIN_MS) });
        }
        repeated!(self.faults, lost(), self.inner.resolve(sent))
    }
}
