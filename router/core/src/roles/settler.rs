use crate::{Amount, Due, Effort, Fate, Kind, Order, Proof, Receipt, Result, Time};

/// The side that puts a payment on chain: our own chain code, or somebody's facilitator behind HTTP. A pool, a
/// journal and metrics are settlers too, wrapped around another.
///
/// * `verify` is read-only and idempotent: it may be called any number of times.
/// * `settle` takes a sealed [`Due`]; it is called at most once per claim. It may be dropped: what was sent is
///   journaled first, and `resume` finds it.
/// * An error from `settle` whose next step is [`crate::Next::Unknown`] means that money may have moved. Wrong:
///   calling `settle` again. Right: `resume`.
/// * `resume` never makes a second transaction; it may send the very same one again. Without a charge it may be called at any
///   time, by anybody who has the order. With one it may also send what was never sent, so only whoever holds the claim calls
///   it so. It may be dropped.
#[crate::async_trait]
pub trait Settler: Send + Sync {
    /// What it can do: scheme, chain and version, with what an offer must say in `extra`.
    ///
    /// # Errors
    /// When it cannot be asked now: to be tried later.
    async fn kinds(&self) -> Result<Vec<Kind>>;
    /// What settling this order will do on chain. An order that only asks what a typical payment costs has `{}` for its
    /// payload.
    ///
    /// # Errors
    /// Why it is not known. Not knowing is not the same as costing nothing: a seller does not offer such a rail.
    async fn effort(&self, order: &Order) -> Result<Effort>;
    /// Does the payment hold on chain, now?
    ///
    /// # Errors
    /// A verdict, with the peer to blame, when it does not; [`crate::Blame::Network`] or [`crate::Blame::Us`] with
    /// [`crate::Next::Later`] when nobody could look.
    async fn verify(&self, order: &Order) -> Result<Proof>;
    /// Settles exactly what is due, and waits for the set finality. A scheme that is not metered refuses a part: a receipt
    /// never says another amount than [`Due::charge`].
    ///
    /// # Errors
    /// [`crate::Next::Unknown`] when money may have moved, with the transaction where one is known. Any other error
    /// says that nothing has moved and nothing of this call will.
    async fn settle(&self, due: Due) -> Result<Receipt>;
    /// After a crash or an unknown outcome: what became of it. `charge` is what was to be taken, where whoever asks knows it and
    /// holds the claim: the settler of a metered scheme repeats what it was told only with it, and what was told and never sent is
    /// settled now, or answered as [`Fate::Open`] ([`crate::flow::settle_unsent`]). Wrong: telling the charge to learn what the
    /// chain says. Right: `None`, which sends nothing that was not sent.
    ///
    /// # Errors
    /// [`crate::Next::Never`] for a definite refusal (a transaction that failed): nothing moved, nothing will, and the
    /// claim is released. Wrong: saying that when nobody could look. Right: any other next step; it is asked again.
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate>;
    /// The same for somebody who knows that the payment has verified, and not before `since`; [`Time::ZERO`] where nobody knows.
    /// A settler asks with it for proof that a payment is *not* on chain: few nodes keep all there ever was, and a payment
    /// without a window of its own may else be looked for for ever. Most need no such bound, and need not have this method; one
    /// that wraps another hands it on.
    ///
    /// # Errors
    /// As [`Settler::resume`]. Cancel safe as that.
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        let _ = since;
        self.resume(order, charge).await
    }
}
