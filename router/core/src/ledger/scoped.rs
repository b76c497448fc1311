use crate::{
    BudgetLine, Claim, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend, Time,
    Write,
};
use std::sync::Arc;

/// A ledger whose replay claims are kept apart under a role's name, so that a paywall and a facilitator may share
/// one database without taking each other for a replay. Budgets and records are shared as they are.
pub struct Scoped {
    inner: Arc<dyn Ledger>,
    role: &'static str,
}

impl std::fmt::Debug for Scoped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scoped({})", self.role)
    }
}

impl Scoped {
    /// Claims made through this ledger are `role`'s own.
    pub fn new(inner: Arc<dyn Ledger>, role: &'static str) -> Self {
        Self { inner, role }
    }
    fn keys(&self, keys: &[ReplayKey]) -> Vec<ReplayKey> {
        keys.iter().map(|k| ReplayKey(format!("{}|{k}", self.role))).collect()
    }
}

#[crate::async_trait]
impl Ledger for Scoped {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.inner.reserve(hold, lines, until, now).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.inner.used(lines).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.inner.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.inner.seen(&self.keys(keys), print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.inner.claim(&self.keys(keys), print, until, now).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.inner.conclude(&self.keys(keys), print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.inner.load(key).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        self.inner.store(writes).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.inner.scan(prefix, after, limit).await
    }
    async fn store_then_claim(
        &self,
        writes: &[Write],
        keys: &[ReplayKey],
        print: &Print,
        until: Time,
        now: Time,
    ) -> Result<Result<Claim>> {
        self.inner.store_then_claim(writes, &self.keys(keys), print, until, now).await
    }
    async fn conclude_then_store(
        &self,
        keys: &[ReplayKey],
        print: &Print,
        receipt: Option<&Receipt>,
        writes: &[Write],
    ) -> Result<()> {
        self.inner.conclude_then_store(&self.keys(keys), print, receipt, writes).await
    }
}
