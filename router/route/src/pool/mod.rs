//! Several settlers behind one: other people's facilitators, and our own chain code.
//!
//! ```
//! # use tollway_core::{Result, Settler, SettlerId};
//! # use tollway_route::pool::{Own, Pool, PoolBuilder, Seat};
//! # use std::sync::Arc;
//! # fn make(parts: PoolBuilder, cheap: Arc<dyn Settler>, near: Arc<dyn Settler>) -> Result<Pool> {
//! let own = Own::seat(Arc::clone(&parts.registry));
//! let pool = parts.build(vec![
//!     Seat::new(SettlerId("https://cheap.example".into()), cheap),
//!     Seat::new(SettlerId("https://near.example".into()), near),
//!     own,
//! ])?;
//! # Ok(pool)
//! # }
//! ```
//!
//! # Who gets a payment
//! Of the members that may settle it, the cheapest by fee and predicted work ([`Settler::effort`], at live quotes); those
//! that rest after failures come last, and what is alike keeps the order of the configuration. Whoever verified a payment
//! settles it too, as long as it is well.
//!
//! **Who may settle it** is said by data, whatever the scheme: what a facilitator wants to see in an offer stands in its
//! kind's `extra`. Where members say the same, each may settle; where an offer carries what one of them said and others
//! did not, it is bound to that one.
//!
//! **Who rests** is not asked for anything while somebody else is well. When its rest is over, the next who wants
//! something of the pool has it asked whether it is back ([`Probe`]): one cheap question in the background, and no payment
//! before the answer. Where that is no, or a payment fails all the same, it rests again, twice as long.
//!
//! # What an answer means
//! | what came back | `verify` | `settle` |
//! |---|---|---|
//! | a verdict on the payer or the offer | the verdict | the verdict; the hold is given up |
//! | it is to blame itself, and says that nothing moved | the next | the next, which verifies anew |
//! | it says it supports a kind, and refuses it as unsupported | the next | the next; the kind is not taken from it for a while |
//! | an unknown outcome | the next | **nobody else**: only `resume`, only with this one |
//! | a receipt for more than was due | | unknown, and it leaves the pool until somebody takes it back |
//!
//! Before a member is asked to settle, the ledger says that it holds the payment, and the hold passes to another in the
//! same write that takes it from the first: so two never hold one payment, whatever crashes, and after a restart
//! `resume` asks the one that was asked before.

mod binding;
mod book;
mod choose;
mod effort;
mod kinds;
mod learned;
mod member;
mod own;
mod probe;
mod rest;
mod settle;
mod verify;

pub use book::Expelled;
pub use member::{MemberState, Standing};
pub use own::Own;
pub use probe::{Probe, Seat};

use crate::cache::Cache;
use crate::quotes::{QuoteBook, Spawn};
use book::Book;
use choose::Prices;
use kinds::Said;
use learned::Learned;
use member::Member;
use std::sync::Arc;
use tollway_core::{
    Amount, Blame, Clock, Code, Dice, Due, Effort, Error, Fate, Kind, Ledger, Next, Order, Proof, Receipt,
    Registry, Requirement, Result, Settler, SettlerId, Time, async_trait,
};
use verify::Verifiers;

/// How a pool treats its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Failures in a row after which a member rests. Default 3: one may be chance, and two happen.
    pub failures_max: u32,
    /// How long the first rest is, in milliseconds; each one after it is twice as long, and each is up to a quarter longer
    /// by chance. Default 5 s.
    pub rest_ms: u64,
    /// The longest rest before chance, in milliseconds. Default 60 s: a facilitator that is back is missed no longer.
    pub rest_ms_max: u64,
    /// How long a member may take to verify while another could be asked, in milliseconds. Default 5 s.
    pub verify_ms: u64,
    /// How long a question about kinds, efforts or health is waited for, in milliseconds. Default 2 s.
    pub answer_ms: u64,
    /// How long kinds are believed without asking again, in milliseconds. Default 5 minutes.
    pub kinds_ttl_ms: u64,
    /// For how long a kind is not taken from a member that refused it as unsupported, in milliseconds. Default 10 minutes.
    pub unsupported_ms: u64,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            failures_max: 3,
            rest_ms: 5_000,
            rest_ms_max: 60_000,
            verify_ms: 5_000,
            answer_ms: 2_000,
            kinds_ttl_ms: 300_000,
            unsupported_ms: 600_000,
        }
    }
}

/// What a [`Pool`] is made of.
pub struct PoolBuilder {
    /// Its lasting name in the ledger: after a restart it finds its holds under it.
    pub name: String,
    /// Reads payloads.
    pub registry: Arc<Registry>,
    /// Live fees and prices.
    pub quotes: Arc<QuoteBook>,
    /// Memory, shared by all replicas of the seller.
    pub ledger: Arc<dyn Ledger>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for rests that differ.
    pub dice: Arc<dyn Dice>,
    /// Runs what asks members in the background.
    pub spawn: Spawn,
    /// How members are treated.
    pub settings: PoolSettings,
}

impl std::fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PoolBuilder {
    /// Puts the parts together, with these members in the order of preference.
    ///
    /// # Errors
    /// [`Code::BadSettings`] without members, or when two have one name.
    pub fn build(self, members: Vec<Seat>) -> Result<Pool> {
        let bad = |words: String| Error::caller(Code::BadSettings).detail(words);
        if members.is_empty() {
            return Err(bad("a pool of no settlers settles nothing".to_owned()));
        }
        for (at, seat) in members.iter().enumerate() {
            if members.iter().take(at).any(|other| other.id == seat.id) {
                return Err(bad(format!("two settlers are called {}: leave one out", seat.id.0)));
            }
        }
        let members = members.into_iter().map(|seat| Member::new(seat, &self.settings, &self.dice));
        let members = members.map(Arc::new).inspect(|member| member.tell());
        Ok(Pool {
            members: members.collect(),
            book: Book::new(&self.name, self.ledger),
            name: self.name,
            registry: self.registry,
            quotes: self.quotes,
            clock: self.clock,
            spawn: self.spawn,
            settings: self.settings,
            said: Cache::new(),
            learned: Learned::default(),
            prices: Prices::default(),
            verifiers: Verifiers::new(),
        })
    }
}

/// Several settlers behind one, see [the module](self).
pub struct Pool {
    name: String,
    members: Vec<Arc<Member>>,
    registry: Arc<Registry>,
    quotes: Arc<QuoteBook>,
    clock: Arc<dyn Clock>,
    spawn: Spawn,
    settings: PoolSettings,
    book: Book,
    /// What each member says it can do, by its place.
    said: Cache<usize, Arc<Said>>,
    learned: Learned,
    prices: Prices,
    verifiers: Verifiers,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.members.iter().map(|member| &member.id.0).collect();
        f.debug_struct("Pool").field("name", &self.name).field("members", &ids).finish_non_exhaustive()
    }
}

impl Pool {
    /// Where every member stands, in the order of the configuration.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn members(&self) -> Result<Vec<MemberState>> {
        let mut all = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let standing = match self.expelled(member).await? {
                Some(why) => Standing::Expelled(why),
                None => member.standing(),
            };
            all.push(MemberState { id: member.id.clone(), standing });
        }
        Ok(all)
    }

    /// Takes a member back that had to leave: an operator's word, after looking at what happened. True when it had.
    ///
    /// # Errors
    /// [`Code::NotFound`] for nobody's name; the ledger's.
    pub async fn readmit(&self, id: &SettlerId) -> Result<bool> {
        let at = self.place(id).ok_or_else(|| {
            Error::caller(Code::NotFound)
                .detail(format!("nobody in the pool {} is called {}", self.name, id.0))
        })?;
        let mut gone = self.book.readmit(id).await?;
        if let Some(member) = self.members.get(at) {
            gone |= member.unwritten().is_some();
            member.write_later(None);
            member.succeeded();
            member.noticed(false);
        }
        Ok(gone)
    }

    /// Why nobody settles this: because who says that it could had to leave, where that is so.
    pub(crate) async fn none_for(&self, r: &Requirement) -> Error {
        let said = self.said().await;
        for (member, said) in self.members.iter().zip(&said) {
            let fits =
                |kind: &Kind| (kind.version, kind.scheme, kind.chain) == (r.version, r.scheme, r.chain);
            if !said.as_ref().is_some_and(|said| said.now.iter().any(fits)) {
                continue;
            }
            if let Ok(Some(why)) = self.expelled(member).await {
                return settle::left(&member.id.0, &why.words);
            }
        }
        nobody(r, "no member says that it does")
    }

    fn place(&self, id: &SettlerId) -> Option<usize> {
        self.members.iter().position(|member| member.id == *id)
    }

    /// A member that cannot be there is nobody's fault but ours.
    fn member(&self, at: usize) -> Result<&Arc<Member>> {
        self.members.get(at).ok_or_else(|| Error::us(Code::Internal))
    }
}

#[async_trait]
impl Settler for Pool {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.merged().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.cheapest(order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.verify_somewhere(order).await
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.settle_once(due).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.ask_the_holder(order, charge, Time::ZERO).await
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.ask_the_holder(order, charge, since).await
    }
}

/// Nobody here may settle it.
fn nobody(r: &Requirement, why: &str) -> Error {
    Error::caller(Code::RoleMissing)
        .next(Next::OtherRoute)
        .detail(format!("nobody in the pool settles {} on {}: {why}", r.scheme, r.chain))
}

fn nobody_answers() -> Error {
    Error::new(Code::Unreachable, Blame::Settler, Next::Later).detail("no member of the pool answers")
}
