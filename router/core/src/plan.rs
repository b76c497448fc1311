//! The payer's side as data: what paying would mean, what was signed, what came of it.

use crate::{
    Account, Amount, AssetId, Ceiling, ChainId, Challenge, Effort, Error, Extra, Json, Leg, Order, Payment,
    Requirement, Time, TxId,
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Names one attempt to pay. Unique per signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub String);

/// What a payer is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The whole 402.
    pub challenge: &'a Challenge,
    /// The entry under consideration.
    pub requirement: &'a Requirement,
    /// The present moment.
    pub now: Time,
}

impl Demand<'_> {
    /// What travels back: the entry as it was asked, with the scheme's own payload. Echoes `resource`; a scheme that fills
    /// in an extension sets it.
    pub fn payment(&self, payload: Json) -> Payment {
        Payment {
            accepted: self.requirement.clone(),
            payload,
            extensions: None,
            resource: self.challenge.resource.clone(),
        }
    }
}

/// What paying one entry would mean. Ranked by the brain, reserved by the policy, then signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The most this signature can spend.
    pub exposure: Ceiling,
    /// What the payee may take for this one request.
    pub price: Ceiling,
    /// Capital put into a channel or escrow beside it, in atomic units of the exposure's asset: it comes back.
    pub locks_atomic: u128,
    /// From when on the signature can no longer be used.
    pub spendable_until: Time,
    /// What the payer must do on chain first.
    pub actions: Vec<Action>,
    /// What everybody will do on chain, settlement included.
    pub effort: Effort,
    /// What the payer holds of the exposure's asset; `None` where nothing is held on a chain.
    pub funds: Option<Funds>,
}

impl Plan {
    /// A plan to sign for the very price, with nothing to do first and no funds known; the rest is set on the fields.
    pub const fn fixed(price: Ceiling, spendable_until: Time, effort: Effort) -> Self {
        Self {
            exposure: price,
            price,
            locks_atomic: 0,
            spendable_until,
            actions: Vec::new(),
            effort,
            funds: None,
        }
    }
}

/// A balance and how old the look at it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    /// Whose.
    pub owner: Account,
    /// How much.
    pub balance: Amount,
    /// When it was read.
    pub as_of: Time,
}

/// Something the payer does on chain itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it is.
    pub kind: ActionKind,
    /// Where.
    pub chain: ChainId,
    /// What it costs.
    pub effort: Effort,
    /// The scheme's own data, for `Payer::perform`.
    pub detail: Json,
}

/// Kinds of payer's actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ActionKind {
    /// Lets a contract draw on the payer's tokens.
    Approve,
    /// Puts money into a channel or escrow.
    Deposit,
    /// Takes it out again.
    Withdraw,
    /// Makes a signed authorization worthless.
    Cancel,
    /// Makes an account that must exist first.
    CreateAccount,
}

/// A signed payment. `Debug` shows no payload; the journal keeps it whole, because resending and resolving need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// What is sent.
    pub payment: Payment,
    /// Whose attempt it is.
    pub attempt: AttemptId,
    /// From when on it can no longer be used.
    pub spendable_until: Time,
}

impl Authorization {
    /// The order that a settler would get of it: what `read`, and a `resolve` that shares code with `resume`, look at.
    pub fn order(&self) -> Order {
        let payment = self.payment.clone();
        Order { leg: Leg::After, requirement: payment.accepted.clone(), payment }
    }
}

/// Where a signed authorization stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It was used: this is the receipt, read from the chain.
    Settled(Box<Receipt>),
    /// It can still be used; perhaps it can be cancelled.
    Open {
        /// What would make it worthless, if anything.
        cancel: Option<Box<Action>>,
    },
    /// It can never be used: said only from chain time past its window, at the set finality.
    Dead,
    /// Nobody can say yet.
    NotYetKnown {
        /// When to ask again.
        ask_again: Time,
    },
}

/// What the answer to a paid request was.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// It came with a receipt.
    Receipt(&'a Receipt),
    /// The server corrected its terms.
    Corrected(&'a Challenge),
    /// The server refused.
    Refused(&'a Error),
    /// No answer at all.
    Lost,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "made once per payment and read at once; a box would only cost")]
pub enum Reading {
    /// Paid; so much was taken.
    Paid(Amount),
    /// Nothing was taken under this signature and the terms have changed: another may be signed beside it.
    SignAgain,
    /// The payer has to act on chain first.
    Prepare,
    /// Nobody knows yet: ask `resolve`.
    Resolve,
}

/// Where a payment landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Landed {
    /// In a transaction.
    OnChain {
        /// Which.
        transaction: TxId,
    },
    /// In a ledger, to be collected later.
    Committed {
        /// Its id there.
        id: String,
    },
    /// Nowhere: the charge was zero.
    Nothing,
}

/// What was taken, where, and what that cost. What comes from a wire is a statement; only the chain proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Where it landed.
    pub landed: Landed,
    /// What was taken.
    pub charged: Amount,
    /// Who paid, where known.
    pub payer: Option<Account>,
    /// The chain.
    pub chain: ChainId,
    /// What settling really cost whoever had it settled here, where known: where somebody else's facilitator did it, that is
    /// its fee, and none of its gas.
    pub spent: Option<Spent>,
    /// The scheme's own data.
    pub extra: Extra,
}

impl Receipt {
    /// So much was taken from `payer` in a transaction, on the chain of what was taken.
    pub fn on_chain(transaction: TxId, charged: Amount, payer: Account) -> Self {
        Self {
            landed: Landed::OnChain { transaction },
            charged,
            payer: Some(payer),
            chain: charged.asset.chain,
            spent: None,
            extra: Extra::default(),
        }
    }
    /// What the whole transaction cost, in the smallest units of the chain's coin, for this one payment alone.
    #[must_use]
    pub fn cost(mut self, atomic: u128) -> Self {
        let cost = Amount::new(AssetId::native(self.chain), atomic);
        self.spent = Some(Spent { cost, shared_by: NonZeroU32::MIN });
        self
    }
    /// True when `said`, which came over a wire, says the same of where the money landed, how much it was and whose. A
    /// wire may leave out the payer and the cost.
    pub fn bears_out(&self, said: &Self) -> bool {
        (&self.landed, self.charged, self.chain) == (&said.landed, said.charged, said.chain)
            && (said.payer.is_none() || said.payer == self.payer)
    }
    /// The transaction, when there is one.
    pub fn transaction(&self) -> Option<&TxId> {
        match &self.landed {
            Landed::OnChain { transaction } => Some(transaction),
            _ => None,
        }
    }
}

/// What a settlement really cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The whole transaction's cost in the chain's coin.
    pub cost: Amount,
    /// How many payments shared it.
    pub shared_by: NonZeroU32,
}
