//! Somebody else's facilitator, as a [`Settler`].
//!
//! ```
//! # fn make(registry: std::sync::Arc<tollway_core::Registry>, clock: std::sync::Arc<dyn tollway_core::Clock>)
//! # -> tollway_core::Result<()> {
//! use tollway_http::RemoteFacilitator;
//!
//! let facilitator = RemoteFacilitator::builder("https://facilitator.example/x402", registry, clock)
//!     .header("authorization", "Bearer …")
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! What it says is somebody's word: [`Proof::by_trust`] is set, core checks our own reading of the payload beside it,
//! and a receipt that names another payer, network or amount is refused. In a metered scheme, where a facilitator could
//! take more than it was asked to, the chain is asked what was taken, by the local cell when there is one. A payment that
//! does not prove itself (the signature of an account with code) is refused too, unless a settler of our own sees the chain,
//! or [`Builder::trust_signatures`] takes the facilitator's word for it.
//!
//! # What an answer means
//! | what happened | `/verify` | `/settle` |
//! |---|---|---|
//! | no connection: nothing was sent | later | later; nothing moved |
//! | time ran out, or the connection broke, after that | later | **unknown** |
//! | a verdict, under any status | the verdict | the verdict; with a transaction in a failure: **unknown** |
//! | 2xx that is no answer | `invalid_answer` | `invalid_answer`, **unknown** |
//! | 3xx to elsewhere, 4xx without a verdict | not this one | not this one; nothing moved |
//! | 5xx without a verdict | later | **unknown** |
//!
//! A word that speaks of the payment ([`Code::is_verdict`]) is the payer's, and final. Any other is the facilitator's own
//! trouble, which may pass, or which another may not share; one that nobody here knows is never final.
//!
//! An unknown outcome is resolved by [`Settler::resume`]: the local cell is asked first, when there is one, because it
//! sees the chain; then the very same body is sent again, which a facilitator answers from its memory, and which the
//! chain refuses the second time where it has none. A refusal then proves nothing, so only a receipt ends the doubt. Ten
//! minutes after the payment's own end nothing can settle any more: whoever answers then without a receipt is not asked for it
//! again in this life of the process, and the outcome stays unknown.

mod answer;
mod audit;
mod builder;
mod call;
mod endpoint;
mod health;
mod late;
mod supported;
mod transport;
mod verify;

pub use builder::Builder;
pub use endpoint::Endpoint;
pub use transport::{Answer, Call, Transport, Trouble};

use answer::Settled;
use call::Caller;
use late::Left;
use std::fmt;
use std::sync::Arc;
use supported::Kinds;
use tollway_core::wire;
use tollway_core::{
    Amount, AssetId, Cell, Clock, Code, Due, Effort, Error, Fate, Fee, Json, Kind, Next, Order, Proof,
    Receipt, Registry, Replay, Result, Settler, SettlerId, async_trait,
};
use tollway_route::pool::Seat;

/// How soon an unknown outcome is worth asking after again.
const ASK_AGAIN_MS: u64 = 5_000;

/// A facilitator behind HTTP.
pub struct RemoteFacilitator {
    id: SettlerId,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    caller: Caller,
    kinds: Kinds,
    fee: Option<Fee>,
    local: Option<Arc<dyn Settler>>,
    trust_signatures: bool,
    left: Left,
}

impl fmt::Debug for RemoteFacilitator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteFacilitator({})", self.id.0)
    }
}

impl RemoteFacilitator {
    /// Starts one. `base` is what `/verify`, `/settle` and `/supported` are appended to. The registry reads payloads
    /// and spellings; its own settlers, where it has any, are asked what the chain knows.
    pub fn builder(base: &str, registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Builder {
        Builder::new(base, registry, clock)
    }

    /// Reads a base address as [`Self::builder`] takes it: https, or plain http to this machine, or anywhere where
    /// `allow_plain_http` says so.
    ///
    /// # Errors
    /// [`Code::InsecureTransport`], [`Code::BadSettings`] with what is wrong in it.
    pub fn address(text: &str, allow_plain_http: bool) -> Result<reqwest::Url> {
        endpoint::base(text, allow_plain_http)
    }

    /// The same as a member of a pool, under its name, and asked for its `/health` when it may be back from a rest.
    pub fn seat(self) -> Seat {
        let shared = Arc::new(self);
        let settler: Arc<dyn Settler> = Arc::<Self>::clone(&shared);
        Seat::new(shared.id.clone(), settler).probe(shared)
    }

    /// Its name: where it is, and if its address has a path, a mark of that, which may hold a key.
    pub fn id(&self) -> &SettlerId {
        &self.id
    }

    fn cell(&self, order: &Order) -> Option<&Cell> {
        self.registry.cell(&order.requirement).ok()
    }

    /// Whoever sees the chain for us.
    fn local(&self, order: &Order) -> Option<&Arc<dyn Settler>> {
        self.local.as_ref().or_else(|| self.cell(order)?.settler.as_ref())
    }

    /// What is sent: the offer as it stands, with the charge where the scheme is metered.
    fn body(&self, order: &Order, charge_atomic: u128) -> Result<Json> {
        let families = self.registry.families();
        if charge_atomic == order.requirement.price.atomic() {
            return wire::write_facilitator_request(order, families);
        }
        let field = match order.requirement.version {
            tollway_core::Version::V1 => "maxAmountRequired",
            _ => "amount",
        };
        let mut entry = order.requirement.raw.read::<serde_json::Map<String, serde_json::Value>>()?;
        entry.insert(field.to_owned(), charge_atomic.to_string().into());
        let mut order = order.clone();
        order.requirement.raw = Json::of(&entry);
        wire::write_facilitator_request(&order, families)
    }

    async fn post_settle(&self, order: &Order, charge_atomic: u128) -> Settled {
        let body = match self.body(order, charge_atomic) {
            Ok(body) => body,
            Err(e) => return Settled::Refused(e),
        };
        match self.caller.post(Endpoint::Settle, &body).await {
            Ok(answer) => self.read_settled(&answer, order, charge_atomic),
            Err(trouble) if trouble.maybe_sent => Settled::Unknown(trouble.error),
            Err(trouble) => Settled::Refused(trouble.error),
        }
    }

    /// How much to repeat the settlement for; `None` where it must not be repeated. A scheme whose replays only a ledger
    /// refuses could be taken twice by a facilitator that has lost its own, and a metered one must not be taken for
    /// another amount.
    fn repeatable(&self, order: &Order, charge: Option<Amount>) -> Option<u128> {
        let capability = self.cell(order)?.capability;
        if capability.replay != Replay::OnChain {
            return None;
        }
        let price = order.requirement.price;
        let told = charge.filter(|told| told.asset == price.asset()).map(|told| told.atomic);
        told.or_else(|| (!capability.metered).then(|| price.atomic()))
    }

    /// The chain's word, where somebody here sees it: only what cannot change any more.
    async fn local_fate(&self, order: &Order) -> Option<Result<Fate>> {
        // It only looks: the facilitator was told to settle, and nobody else.
        match self.local(order)?.resume(order, None).await {
            Ok(fate @ (Fate::Settled(_) | Fate::Dead)) => Some(Ok(fate)),
            Err(e)
                if matches!(e.code, Code::NonceUsed | Code::TransactionFailed) && !e.is_unknown_outcome() =>
            {
                Some(Err(e))
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Settler for RemoteFacilitator {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.kinds.get(&self.caller, &*self.clock, self.registry.families()).await
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        let mut effort = match self.local(order) {
            // Not knowing is not the same as costing nothing.
            Some(local) => local.effort(order).await?,
            None => Effort::default(),
        };
        effort.fees.extend(self.fee.clone());
        Ok(effort)
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.ask_verify(order).await
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.settle_there(due).await.map(|receipt| self.at_our_cost(receipt))
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let found = self.resume_there(order, charge).await;
        // What failed was sent by somebody else too.
        let none = Amount::new(AssetId::native(order.requirement.chain), 0);
        Ok(match found.map_err(|e| if e.transaction.is_some() { e.spent(none) } else { e })? {
            Fate::Settled(receipt) => Fate::Settled(Box::new(self.at_our_cost(*receipt))),
            other => other,
        })
    }
}

impl RemoteFacilitator {
    /// Whoever settled has paid for its gas, whatever the chain says that was: what it cost us is the fee, where that is in
    /// the chain's coin, and no gas of ours.
    fn at_our_cost(&self, receipt: Receipt) -> Receipt {
        let coin = AssetId::native(receipt.chain);
        let fee = self.fee.as_ref().map(|fee| fee.amount).filter(|amount| amount.asset == coin);
        receipt.cost(fee.map_or(0, |amount| amount.atomic))
    }

    async fn settle_there(&self, due: Due) -> Result<Receipt> {
        let (order, charge) = (due.verified().order(), due.charge().atomic());
        match self.post_settle(order, charge).await {
            Settled::Landed(receipt) => self.audited(order, charge, *receipt).await,
            Settled::Unknown(e) => Err(e),
            // Anybody may send an authorization: used need not mean used for something else.
            Settled::Refused(e) if e.code == Code::NonceUsed => {
                match self.local_fate(order).await {
                    Some(Ok(Fate::Settled(receipt))) => Ok(*receipt),
                    // Whoever sees the chain for us does not know yet: perhaps it was used for this.
                    None if self.local(order).is_some() => Err(e.next(Next::Unknown(None))),
                    _ => Err(e),
                }
            }
            Settled::Refused(e) => Err(e),
        }
    }

    async fn resume_there(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        if let Some(fate) = self.local_fate(order).await {
            return fate;
        }
        let unknown = Fate::NotYetKnown { ask_again: self.clock.now().plus_ms(ASK_AGAIN_MS) };
        let Some(charge) = self.repeatable(order, charge) else { return Ok(unknown) };
        let late = self.late(order);
        if late.as_ref().is_some_and(|payment| self.left.has(payment)) {
            return Ok(unknown);
        }
        match self.post_settle(order, charge).await {
            Settled::Landed(receipt) => {
                self.audited(order, charge, *receipt).await.map(|r| Fate::Settled(Box::new(r)))
            }
            Settled::Unknown(_) => Ok(unknown),
            Settled::Refused(e) => {
                self.left.answered(late, &e);
                Ok(unknown)
            }
        }
    }
}

/// A facilitator's fault that another may not share.
fn not_this_one(code: Code) -> Error {
    Error::settler(code).next(Next::OtherRoute)
}
