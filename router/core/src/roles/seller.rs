use crate::{
    Account, Amount, Arrival, Ceiling, ChainId, Charge, Flow, Json, Kind, Offer, Order, Receipt, RecordKey,
    Result, Time, Verified,
};
use serde::{Deserialize, Serialize};

/// The side that sells. Needs no key, and no node unless the scheme says so.
///
/// * `offer` is pure.
/// * `advance` answers an event with the next move, as data; it does not settle, serve or claim by itself, so that
///   authorization, upfront, escrow and vouchers run through one driver. Wrong: calling the settler from
///   `advance`. Right: returning [`Move::Settle`].
/// * `upkeep` is the one place for claims, captures, refunds and renewals.
/// * Every method may be retried and dropped: what cannot be taken back is done by the driver, after it was journaled.
#[crate::async_trait]
pub trait Seller: Send + Sync {
    /// An `accepts` entry for this price, given what the settler says it supports. Its `raw` is what is advertised;
    /// [`crate::flow::offer`] writes it for any plain scheme.
    ///
    /// # Errors
    /// Why this rail cannot be offered: it is left out, with the reason.
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer>;
    /// What a 402 with this offer in it says under `extensions`, given what the settler says it acts on
    /// ([`Kind::extensions`]): an object by extension. Extensions are the whole 402's, so a key that several offers have is
    /// said once. Wrong: promising what only a setting of the seller's says. Right: what the settler of this kind will do.
    fn extensions(&self, _offer: &Offer, _kind: &Kind) -> Option<Json> {
        None
    }
    /// What to do after `event`.
    ///
    /// # Errors
    /// Why the visit cannot go on: it ends there, and what was not sent is released.
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move>;
    /// What the seller should have settled on its own authority; empty for schemes that leave nothing open.
    ///
    /// # Errors
    /// Why it is not known now.
    async fn upkeep(&self, wish: Wish, now: Time) -> Result<Vec<Job>>;
}

/// What a seller wants for something on one rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The most to be taken.
    pub ceiling: Ceiling,
    /// Who is paid.
    pub pay_to: Account,
    /// How long a payment must stay good, in seconds.
    pub timeout_s: u64,
    /// When the money moves.
    pub flow: Flow,
    /// Where.
    pub chain: ChainId,
}

/// One paid request on its way. Journaled after every event, so that a restart can carry on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The payment and the offer it matched.
    pub arrival: Arrival,
    /// What has been settled so far, in order.
    pub receipts: Vec<Receipt>,
    /// The scheme's own notes.
    pub notes: Json,
}

/// What just happened. The seal stays with the driver; the scheme only looks at it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A payment arrived.
    Arrived,
    /// It was verified and its replay keys are ours.
    Verified(&'a Verified),
    /// Something was settled.
    Settled(&'a Receipt),
    /// The handler ran, and this is what it costs.
    Handled(Charge),
    /// The handler failed, or the client left before delivery.
    Failed,
}

/// What to do next.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one at a time, consumed at once; a box would only cost")]
pub enum Move {
    /// Verify this, then claim its replay keys.
    Verify(Order),
    /// Run the handler, which may charge up to this. Refused by the driver while nothing is sealed or settled.
    Serve(Ceiling),
    /// Settle what was verified.
    SettleHeld(Charge),
    /// Verify and settle in one go.
    Settle(Order, Charge),
    /// The visit is over.
    Done(Option<Receipt>),
}

/// What the seller wants from `upkeep`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wish {
    /// Whatever is due.
    Due,
    /// Take so much of what was authorized under `id`.
    Capture {
        /// The scheme's id.
        id: String,
        /// Atomic units.
        amount_atomic: u128,
    },
    /// Give up what was authorized under `id`.
    Void {
        /// The scheme's id.
        id: String,
    },
    /// Give so much back of what was taken under `id`.
    Refund {
        /// The scheme's id.
        id: String,
        /// Atomic units.
        amount_atomic: u128,
    },
}

/// Something a settler is to do later; the brain picks the moment before `due`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What to settle.
    pub order: Order,
    /// What it is worth to the seller.
    pub worth: Amount,
    /// Until when.
    pub due: Time,
    /// What remembers that it was done.
    pub done_key: RecordKey,
}
