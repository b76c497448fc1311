use crate::fault::Trouble;
use crate::suite::secret::Secret;
use futures::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;
use tollway_core::{
    Account, AssetId, ChainId, Clock, Dice, Family, Handle, Json, Order, Price, SchemeEntry, Time,
    async_trait,
};

/// What the author of a scheme supplies: the plugin, and places to try it in.
pub trait Stand: Send + Sync + 'static {
    /// The plugin.
    fn entry(&self) -> SchemeEntry;

    /// The family of its chains.
    fn family(&self) -> Family;

    /// A new place, in which nothing has happened yet. The same seed builds the same place.
    fn place(&self, seed: u64) -> Place;

    /// Parts of the payload that may change without the payment becoming another, each with the reason.
    fn free(&self) -> &'static [Free] {
        &[]
    }

    /// Parts of the payload that nobody may print (signatures), as JSON pointers.
    fn unprintable(&self) -> &'static [&'static str] {
        &[]
    }

    /// Keys of an offer's `extra` that a payment is bound to, each with another value that makes another offer.
    fn bound_extra(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Orders like this one, each with more to do on chain than the one before (more bytes, more work); empty where
    /// there is only one kind of work.
    fn ladder(&self, order: &Order) -> Vec<Order> {
        let _ = order;
        Vec::new()
    }

    /// `Debug` of the scheme's own types that hold secrets (a wallet, a decoded payload), where they have one.
    fn shown(&self, place: &Place, order: &Order) -> Vec<String> {
        let _ = (place, order);
        Vec::new()
    }

    /// True when `changed`, in which a character is another than in the payload `signed`, is the same payment all the
    /// same: for a payload that is one text in a format of its own, some bits of which are bound by nothing.
    fn same_payment(&self, signed: &Json, changed: &Json) -> bool {
        let _ = (signed, changed);
        false
    }

    /// True when a payment says itself until when it can be settled. False where its chain ends it by counting blocks:
    /// its terms have no end then, the authorization's end is the latest that can be thought of, and
    /// [`Probe::is_over`] tells the true one.
    fn timed(&self) -> bool {
        true
    }

    /// How far the predicted cost of a settlement may lie from the paid one.
    fn tolerance(&self) -> Tolerance {
        Tolerance::default()
    }

    /// Over how many seeds the orders of await points are tried.
    fn seeds(&self) -> u64 {
        10_000
    }
}

/// A part of a payload that is bound by nothing.
#[derive(Debug, Clone, Copy)]
pub struct Free {
    /// A JSON pointer; what lies below it is free too.
    pub pointer: &'static str,
    /// Why that does no harm.
    pub why: &'static str,
}

/// How far a prediction may lie from what was paid, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// The payment may cost so much more than predicted.
    pub under_percent: u32,
    /// The prediction may be so much more than the payment cost.
    pub over_percent: u32,
}

impl Default for Tolerance {
    /// So much too little as two blocks of rising base fee make; three times too much.
    fn default() -> Self {
        Self { under_percent: 30, over_percent: 200 }
    }
}

/// Where a scheme is tried: a chain with three people on it, a clock, dice, a price.
pub struct Place {
    /// The payer's way to the chain, with its key; `None` where the scheme needs no node.
    pub payer: Option<Handle>,
    /// The seller's way to the chain.
    pub seller: Option<Handle>,
    /// The settler's way to the chain, with its key.
    pub settler: Option<Handle>,
    /// Another settler's way to the same chain, with a key of its own; `None`: there is only one.
    pub rival: Option<Handle>,
    /// The scheme's settings, for all.
    pub settings: Value,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub dice: Arc<dyn Dice>,
    /// What is sold. Its chain is the place's.
    pub price: Price,
    /// Others of each kind, which exist too.
    pub others: Others,
    /// What must never be printed: the keys.
    pub secrets: Vec<Secret>,
    /// What the suite may do and see beyond the contract.
    pub probe: Arc<dyn Probe>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({})", self.price.chain)
    }
}

/// What a thief would put in the place of what was signed for.
#[derive(Debug, Clone)]
pub struct Others {
    /// Another payee on the same chain.
    pub payee: Account,
    /// Another asset on the same chain.
    pub asset: AssetId,
    /// Another chain of the same family.
    pub chain: ChainId,
    /// A settler's way to that chain, on which payer and assets are the same, as with a contract deployed on both:
    /// there it shows whether a signature names its chain. `None`: the other chain is only named.
    pub network: Option<Handle>,
}

/// What lies under a place: the suite's own eyes and hands. The contract knows nothing of it.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Runs one piece of work to its end. Where time is virtual, it passes while nobody is ready.
    fn run(&self, work: BoxFuture<'static, ()>);

    /// What `owner` holds of `asset`, in atomic units, wherever the scheme keeps it.
    async fn balance(&self, owner: &Account, asset: &AssetId) -> u128;

    /// How often money has moved, or was committed, under the authorization in this order's payment.
    async fn settlements(&self, order: &Order) -> usize;

    /// How many different transactions anybody has sent so far.
    async fn transactions(&self) -> usize;

    /// All that money depends on, in words that are equal when it is equal. Time and block numbers are not in it.
    async fn state(&self) -> String;

    /// Chain time at the finality that settling waits for.
    async fn final_time(&self) -> Time;

    /// True when the chain, at the finality that settling waits for, takes this order's payment never more. Asked only
    /// where payments are not [`Stand::timed`].
    async fn is_over(&self, order: &Order) -> bool {
        let _ = order;
        false
    }

    /// Lets time go on until the clock shows at least `to`, and the chain with it. What was sent gets into blocks.
    async fn advance(&self, to: Time);

    /// Makes trouble once; `false` where this place cannot.
    async fn trouble(&self, trouble: Trouble) -> bool {
        let _ = trouble;
        false
    }

    /// How often the payer's key has signed; `None` where nobody counts.
    fn signatures(&self) -> Option<usize> {
        None
    }
}
