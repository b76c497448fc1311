//! Looking for a log, newest first, as far back as a moment in chain time.

use crate::look::Header;
use crate::receipt::RawLog;
use crate::rpc::Rpc;
use crate::{Landing, LogQuery};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use tollway_core::{Code, Error, Result, Time};

/// Blocks per question; public nodes refuse much larger ranges.
const RANGE: u64 = 2_000;
/// Questions per search.
const QUESTIONS_MAX: usize = 64;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    address: Address,
    topics: Vec<Option<B256>>,
    from_block: String,
    to_block: String,
}

/// The newest matching log between `query.since` and `query.until`.
pub(crate) async fn find(rpc: &Rpc, query: &LogQuery) -> Result<Option<Landing>> {
    let newest = find_until(rpc, query, 1).await?.pop();
    match newest {
        Some(log) => within(rpc, log, query).await,
        None => Ok(None),
    }
}

/// All of them, newest first, at most `most`.
pub(crate) async fn find_all(rpc: &Rpc, query: &LogQuery, most: usize) -> Result<Vec<Landing>> {
    let mut found = Vec::new();
    for log in find_until(rpc, query, most).await? {
        match within(rpc, log, query).await? {
            Some(log) => found.push(log),
            // Whatever follows is older.
            None => break,
        }
    }
    Ok(found)
}

/// Logs from `query.until` back, newest first, until there are `most` or the search is past `query.since`.
async fn find_until(rpc: &Rpc, query: &LogQuery, most: usize) -> Result<Vec<RawLog>> {
    let mut found: Vec<RawLog> = Vec::new();
    let head: Option<Header> = rpc.call("eth_getBlockByNumber", ("latest", false)).await?;
    let head = head.ok_or_else(|| Error::network(Code::InvalidAnswer).detail("no newest block"))?;
    let mut to = last_block(rpc, &head, query.until).await?;
    for _ in 0..QUESTIONS_MAX {
        let from = to.saturating_sub(RANGE.saturating_sub(1));
        let mut batch = rpc.batch();
        let logs = batch.add::<_, Vec<RawLog>>("eth_getLogs", &(filter(query, from, to),))?;
        let first = batch.add::<_, Option<Header>>("eth_getBlockByNumber", &(hex(from), false))?;
        batch.send().await?;
        let mut logs = logs.get().await?;
        // Nodes list the oldest first; the last of a block is its newest.
        logs.sort_by_key(|log| log.block_number);
        found.extend(logs.into_iter().rev().take(most.saturating_sub(found.len())));
        let first = first.get().await?;
        let past = from == 0 || first.is_none_or(|block| block.time() < query.since);
        if past || found.len() >= most {
            return Ok(found);
        }
        to = from.saturating_sub(1);
    }
    Err(Error::network(Code::TooLarge).detail(format!(
        "no log in {} blocks, and they do not reach back to {} ms",
        RANGE.saturating_mul(u64::try_from(QUESTIONS_MAX).unwrap_or(u64::MAX)),
        query.since.ms()
    )))
}

/// The last block that is not newer than `until`, by halving: about thirty small questions for a chain of any length, and
/// only for what lies in the past.
async fn last_block(rpc: &Rpc, head: &Header, until: Time) -> Result<u64> {
    let (mut low, mut high) = (0u64, head.number());
    if head.time() <= until {
        return Ok(high);
    }
    // `low` is early enough (or the first block), `high` is too late.
    while high.saturating_sub(low) > 1 {
        let middle = low.saturating_add(high.saturating_sub(low) / 2);
        let block: Option<Header> = rpc.call("eth_getBlockByNumber", (hex(middle), false)).await?;
        // A node that has forgotten a block is asked about newer ones.
        match block {
            Some(block) if block.time() > until => high = middle,
            _ => low = middle,
        }
    }
    Ok(low)
}

/// The log, unless its block is older than what was asked for: then everything else is older still.
async fn within(rpc: &Rpc, log: RawLog, query: &LogQuery) -> Result<Option<Landing>> {
    let seconds = match (log.block_timestamp, log.block_number) {
        (Some(at), _) => Some(at),
        (None, Some(number)) => {
            let block: Option<Header> = rpc.call("eth_getBlockByNumber", (number, false)).await?;
            block.map(|block| block.timestamp)
        }
        (None, None) => None,
    };
    // Chains count whole seconds, so a log of the very second counts as in time.
    let in_time = seconds.is_some_and(|at| at.to::<u64>() >= query.since.secs());
    Ok(if in_time { log.landing() } else { None })
}

fn filter(query: &LogQuery, from: u64, to: u64) -> Filter {
    let used = query.topics.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1));
    Filter {
        address: query.address,
        topics: query.topics.iter().take(used).copied().collect(),
        from_block: hex(from),
        to_block: hex(to),
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}
