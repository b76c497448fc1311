//! What was measured, and the table of it.

use crate::load::{AT_ONCE, Manner};
use crate::machine;
use std::collections::BTreeMap;
use std::time::Duration;

/// The row of the node without any facilitator.
pub(crate) const ALONE: &str = "node alone";

/// What is promised of the time from a block to an answer.
const PROMISED: Duration = Duration::from_millis(50);

/// What one case came to.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// How long all payments took.
    pub(crate) took: Duration,
    /// From request to answer, of each payment that was settled.
    pub(crate) each: Vec<Duration>,
    /// Payments that were asked for and not settled, before the measured ones and among them.
    pub(crate) failed: usize,
    /// Processor time of the facilitator.
    pub(crate) facilitator: Duration,
    /// Processor time of the node.
    pub(crate) node: Duration,
    /// JSON-RPC calls, where they were counted.
    pub(crate) calls: Option<u64>,
    /// From the event of the block to the answer, where blocks came by the clock.
    pub(crate) after_block: Vec<Duration>,
}

/// One facilitator.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    cases: BTreeMap<Manner, Case>,
}

impl Row {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), cases: BTreeMap::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Keeps a case, and tells of it at once: the table comes when all is done.
    pub(crate) fn add(&mut self, manner: Manner, mut case: Case) {
        case.each.sort_unstable();
        case.after_block.sort_unstable();
        let (settled, took) = (case.each.len(), millis(case.took));
        machine::say(&format!("{}, {manner:?}: {settled} settled in {took} ms", self.name));
        self.cases.insert(manner, case);
    }

    fn line(&self) -> String {
        let failed: usize = self.cases.values().map(|case| case.failed).sum();
        let settled: usize = self.cases.values().map(|case| case.each.len()).sum();
        let name = match failed {
            0 => self.name.clone(),
            _ => format!("{} ({failed} failed, {settled} measured)", self.name),
        };
        let mut cells = vec![name];
        let rate = |case: &Case| whole(case.each.len(), case.took);
        let own = |case: &Case| if self.name == ALONE { String::new() } else { per(case.facilitator, case) };
        let at = |n| move |case: &Case| percentile(&case.each, n);
        cells.push(self.cell(Manner::Automine, &rate));
        cells.push(self.cell(Manner::Automine, &at(50)));
        cells.push(self.cell(Manner::Automine, &at(99)));
        cells.push(self.cell(Manner::Automine, &own));
        cells.push(self.cell(Manner::Automine, &|case| per(case.node, case)));
        cells.push(self.cell(Manner::Counted, &calls));
        let after = |n| move |case: &Case| percentile(&case.after_block, n);
        cells.push(self.cell(Manner::Blocks, &after(50)));
        cells.push(self.cell(Manner::Blocks, &after(99)));
        cells.push(self.cell(Manner::Blocks, &within));
        format!("| {} |", cells.join(" | "))
    }

    fn cell(&self, manner: Manner, of: &dyn Fn(&Case) -> String) -> String {
        self.cases.get(&manner).filter(|case| !case.each.is_empty()).map(of).unwrap_or_default()
    }
}

/// The table, as Markdown.
pub(crate) fn print(rows: &[Row], conditions: &str) {
    println!(
        "| {AT_ONCE} in flight | settlements/s | p50 ms | p99 ms | CPU ms each | node's CPU ms each | RPC calls each \
         | block → answer p50 ms | p99 ms | within {} ms |",
        PROMISED.as_millis()
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    rows.iter().for_each(|row| println!("{}", row.line()));
    println!("\n{conditions}");
}

fn percentile(sorted: &[Duration], per_cent: usize) -> String {
    let index = sorted.len().saturating_mul(per_cent) / 100;
    millis(sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default())
}

/// Milliseconds: with one digit behind the point, and below ten with two.
fn millis(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..10_000 => format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10),
        micros => format!("{}.{}", micros / 1_000, micros % 1_000 / 100),
    }
}

fn per(time: Duration, case: &Case) -> String {
    millis(time / u32::try_from(case.each.len().max(1)).unwrap_or(u32::MAX))
}

/// So many a second.
fn whole(count: usize, took: Duration) -> String {
    tenths(u128::try_from(count).unwrap_or(u128::MAX).saturating_mul(10_000_000) / took.as_micros().max(1))
}

fn calls(case: &Case) -> String {
    let settled = u64::try_from(case.each.len()).unwrap_or(u64::MAX);
    let calls = case.calls.unwrap_or_default().saturating_mul(10) / settled.max(1);
    format!("{}.{}", calls / 10, calls % 10)
}

/// Whole numbers from a hundred on.
fn tenths(tenths: u128) -> String {
    if tenths < 1_000 { format!("{}.{}", tenths / 10, tenths % 10) } else { format!("{}", tenths / 10) }
}

fn within(case: &Case) -> String {
    let inside = case.after_block.iter().filter(|time| **time <= PROMISED).count();
    format!("{} %", inside.saturating_mul(100) / case.after_block.len().max(1))
}
