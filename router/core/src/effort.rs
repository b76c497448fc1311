//! What a route will do on chain, as data: the work is the scheme's to say, the price the chain's.

use crate::ids::same;
use crate::{Account, Amount, Few};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Who pays for a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bearer {
    /// The side that pays for the resource.
    Payer,
    /// The side that sells it.
    Payee,
    /// The facilitator.
    Settler,
}

/// One component of a cost. The labels that every ranked table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Compute at the chain's base price (base fee × gas, signatures × lamports).
    Execution,
    /// Publishing the transaction's bytes on a layer below.
    L1Data,
    /// The tip for being included soon.
    Priority,
    /// A rollup operator's surcharge.
    Operator,
    /// State that has to be paid for (account rent).
    Rent,
    /// A plain fee, such as a facilitator's.
    Fee,
}

/// An unsigned transaction as it will look on the wire, for chains that price bytes by their content.
///
/// Shared and identified by address: cloning a sample keeps [`Sample::id`], so a tariff can remember its price.
#[derive(Clone, Eq, Default)]
pub struct Sample(Arc<[u8]>);

/// Clones of one sample are told to be equal without a look at their bytes.
impl PartialEq for Sample {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}
impl Hash for Sample {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Shows the size alone: a sample of a real transaction holds its signature.
impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sample({} bytes)", self.0.len())
    }
}

impl Sample {
    /// Keeps the bytes of an unsigned, serialised transaction.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }
    /// The bytes; empty where bytes cost nothing.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
    /// The same for all clones of one sample while one is alive.
    pub fn id(&self) -> usize {
        self.0.as_ptr().addr()
    }
}

/// One transaction (or a share of one) that somebody will have to make. Quantities are in the chain's own units.
#[derive(Debug, Clone, Eq)]
#[non_exhaustive]
pub struct Work {
    /// Who pays for it.
    pub bearer: Bearer,
    /// What it is, for people: `transferWithAuthorization`.
    pub label: &'static str,
    /// Gas or compute units expected to be *used* (not the limit).
    pub compute: u64,
    /// The unsigned transaction, for data fees.
    pub sample: Sample,
    /// Signatures that are charged for (Solana).
    pub signatures: u16,
    /// Accounts written, where local fee markets price by them.
    pub touches: Vec<Account>,
    /// Sizes in bytes of state that is created and paid for.
    pub creates_bytes: Vec<u32>,
    /// True when what is paid comes back (rent, deposits): capital, not cost.
    pub refundable: bool,
    /// How many payments share this work (a batch, a channel, an approval).
    pub shared_by: NonZeroU32,
}

impl PartialEq for Work {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            bearer,
            label,
            compute,
            sample,
            signatures,
            touches,
            creates_bytes,
            refundable,
            shared_by,
        } = self;
        // Most work creates nothing, and libc takes longer to compare nothing with nothing than all the rest here takes:
        // it looks where an empty list points, which is nowhere.
        let creates_alike = creates_bytes.len() == other.creates_bytes.len()
            && (creates_bytes.is_empty() || *creates_bytes == other.creates_bytes);
        creates_alike
            && *compute == other.compute
            && *bearer == other.bearer
            && *signatures == other.signatures
            && *refundable == other.refundable
            && *shared_by == other.shared_by
            && *sample == other.sample
            && same(label, other.label)
            && *touches == other.touches
    }
}

impl Work {
    /// Work that needs nothing but compute and bytes; the rest is set on the fields.
    pub const fn new(bearer: Bearer, label: &'static str, compute: u64, sample: Sample) -> Self {
        Self {
            bearer,
            label,
            compute,
            sample,
            signatures: 1,
            touches: Vec::new(),
            creates_bytes: Vec::new(),
            refundable: false,
            shared_by: NonZeroU32::MIN,
        }
    }
    /// Shares this work between `n` payments.
    #[must_use]
    pub fn shared_by(mut self, n: NonZeroU32) -> Self {
        self.shared_by = n;
        self
    }
}

/// A plain fee beside the chain's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// Who pays it.
    pub bearer: Bearer,
    /// How much, in any asset that has a price.
    pub amount: Amount,
    /// What for.
    pub label: &'static str,
}

/// All that a route will do. Empty is a statement, "this costs nothing", never a missing quote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effort {
    /// Transactions; nearly always one.
    pub works: Few<Work>,
    /// Plain fees.
    pub fees: Vec<Fee>,
}

impl Effort {
    /// One transaction and nothing else.
    pub fn one(work: Work) -> Self {
        Self { works: Few::one(work), fees: Vec::new() }
    }
}
