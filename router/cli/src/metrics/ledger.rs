//! A ledger whose answers are timed.

use metrics::{counter, histogram};
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;
use tollway::core::{
    BudgetLine, Claim, Code, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend,
    Time, Write, async_trait,
};

pub(super) struct Timed(pub(super) Arc<dyn Ledger>);

async fn timed<T>(what: &'static str, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let began = Instant::now();
    let answer = asked.await;
    histogram!("tollway_ledger_seconds", "what" => what).record(began.elapsed());
    // A budget that is used up and a record that has moved are answers, no failures.
    if answer.as_ref().is_err_and(|e| e.code == Code::LedgerFailed) {
        counter!("tollway_ledger_errors_total", "what" => what).increment(1);
    }
    answer
}

#[async_trait]
impl Ledger for Timed {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        timed("reserve", self.0.reserve(hold, lines, until, now)).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        timed("used", self.0.used(lines)).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        timed("close", self.0.close(hold, spend, now)).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        timed("seen", self.0.seen(keys, print)).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        timed("claim", self.0.claim(keys, print, until, now)).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        timed("conclude", self.0.conclude(keys, print, receipt)).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        timed("load", self.0.load(key)).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        timed("store", self.0.store(writes)).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        timed("scan", self.0.scan(prefix, after, limit)).await
    }
    async fn store_then_claim(
        &self,
        writes: &[Write],
        keys: &[ReplayKey],
        print: &Print,
        until: Time,
        now: Time,
    ) -> Result<Result<Claim>> {
        timed("store_then_claim", self.0.store_then_claim(writes, keys, print, until, now)).await
    }
    async fn conclude_then_store(
        &self,
        keys: &[ReplayKey],
        print: &Print,
        receipt: Option<&Receipt>,
        writes: &[Write],
    ) -> Result<()> {
        timed("conclude_then_store", self.0.conclude_then_store(keys, print, receipt, writes)).await
    }
}
