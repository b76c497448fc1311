use super::ask;
use super::plan::{Faults, Remembered};
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Code, Cost, Error, Network, NetworkTraits, Outcome, Purpose, Result,
    Tariff, Time, TxId, Work, async_trait,
};

/// A network with faults; also a faulty `dyn Sim`, where the inner one is a [`crate::sim::Sim`].
///
/// Keeps: every method is a read, safe to retry and to drop; a failure is the network's and says "later"; an outcome that
/// is stale was true once, so finality is never invented. Lying: a tariff whose prices are off by a factor of up to a
/// hundred; its parts still add up.
pub struct FaultyNetwork<N: ?Sized> {
    pub(super) inner: Arc<N>,
    pub(super) faults: Arc<Faults>,
    tariffs: Remembered<Purpose, Arc<dyn Tariff>>,
    balances: Remembered<(Account, Vec<AssetId>), Vec<Amount>>,
    outcomes: Remembered<TxId, Outcome>,
    pub(super) looks: super::sim::Looks,
}

impl<N: ?Sized> fmt::Debug for FaultyNetwork<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyNetwork")
    }
}

impl<N: Network + ?Sized> FaultyNetwork<N> {
    /// Wraps `inner`.
    pub fn new(inner: Arc<N>, faults: &Arc<Faults>) -> Self {
        Self {
            inner,
            faults: Arc::clone(faults),
            tariffs: Remembered::default(),
            balances: Remembered::default(),
            outcomes: Remembered::default(),
            looks: super::sim::Looks::default(),
        }
    }
    async fn honest_tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        ask!(self.faults, self.tariffs, purpose, lost(), self.inner.tariff(purpose, touching))
    }
}

pub(super) fn lost() -> Error {
    Error::network(Code::Unreachable).detail("the node did not answer")
}

#[async_trait]
impl<N: Network + ?Sized> Network for FaultyNetwork<N> {
    fn id(&self) -> ChainId {
        self.inner.id()
    }
    fn traits(&self) -> NetworkTraits {
        self.inner.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        let tariff = self.honest_tariff(purpose, touching).await?;
        if !self.faults.lies() {
            return Ok(tariff);
        }
        let dice = self.faults.dice();
        let by = u128::from(dice.between(2, 100));
        Ok(Arc::new(Crooked { tariff, up: dice.below(2) == 0, by }))
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        let key = (*owner, assets.to_vec());
        ask!(self.faults, self.balances, key, lost(), self.inner.balances(owner, assets))
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        ask!(self.faults, self.outcomes, tx.clone(), lost(), self.inner.outcome(tx))
    }
}

/// A tariff that is off by a factor.
#[derive(Debug)]
struct Crooked {
    tariff: Arc<dyn Tariff>,
    up: bool,
    by: u128,
}

impl Tariff for Crooked {
    fn price(&self, work: &Work) -> Result<Cost> {
        let honest = self.tariff.price(work)?;
        let mut cost = Cost::new(honest.asset);
        for (part, n) in honest.parts {
            cost.add(part, if self.up { n.saturating_mul(self.by) } else { n / self.by.max(1) })?;
        }
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        self.tariff.taken_at()
    }
    fn valid_until(&self) -> Time {
        self.tariff.valid_until()
    }
    fn source(&self) -> &str {
        self.tariff.source()
    }
}
