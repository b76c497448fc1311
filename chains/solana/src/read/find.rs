//! The transaction with a known message, whose id is not known.

use super::record::RawRecord;
use crate::finality::Finality;
use crate::rpc::{Ask, Rpc};
use crate::svm::{Find, Recorded};
use crate::wire::Wire;
use serde::Deserialize;
use serde_json::Value;
use solana_signature::Signature;
use std::str::FromStr;
use tollway_core::{Code, Error, Result};

/// Lines per page.
const PAGE: usize = 200;
/// Pages read before it is said that there are too many.
const PAGES_MAX: usize = 10;
/// Transactions read in one request.
const READ_AT_ONCE: usize = 20;
/// Block times are votes, seconds apart from true ones.
const SLACK_MS: u64 = 60_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLine {
    signature: String,
    #[serde(default)]
    block_time: Option<i64>,
    #[serde(default)]
    memo: Value,
}

pub(crate) async fn find(rpc: &Rpc, question: &Find<'_>, finality: Finality) -> Result<Option<Recorded>> {
    let mut before = None;
    for _ in 0..PAGES_MAX {
        let ask = Ask::history(&question.address, before.as_ref(), question.min_slot, PAGE, finality.level());
        let lines: Vec<RawLine> = rpc.call(ask).await?;
        if lines.len() > PAGE {
            return Err(Error::network(Code::InvalidAnswer).detail("more lines of a history than asked for"));
        }
        let (candidates, over) = sift(&lines, question)?;
        for some in candidates.chunks(READ_AT_ONCE) {
            if let Some(found) = read(rpc, some, question, finality).await? {
                return Ok(Some(found));
            }
        }
        let last = lines.last().map(signature).transpose()?;
        if over || last.is_none() {
            return Ok(None);
        }
        before = last;
    }
    // "Not there" would be a lie.
    Err(Error::network(Code::TooLarge).detail(format!(
        "more than {} transactions of {} to look through",
        PAGE * PAGES_MAX,
        question.address
    )))
}

/// Lines that may be it, and whether all beyond them are too old.
fn sift(lines: &[RawLine], question: &Find<'_>) -> Result<(Vec<Signature>, bool)> {
    let since = question.since.minus_ms(SLACK_MS).secs();
    let mut candidates = Vec::new();
    for line in lines {
        if line.block_time.is_some_and(|at| u64::try_from(at).unwrap_or(0) < since) {
            return Ok((candidates, true));
        }
        // Not every node keeps memos: only one that is another's rules a line out.
        let other = match (question.memo, line.memo.as_str()) {
            (Some(wanted), Some(memo)) => !memo.contains(wanted),
            _ => false,
        };
        if !other {
            candidates.push(signature(line)?);
        }
    }
    Ok((candidates, lines.len() < PAGE))
}

fn signature(line: &RawLine) -> Result<Signature> {
    Signature::from_str(&line.signature)
        .map_err(|_| Error::network(Code::InvalidAnswer).detail("a history with what is no signature"))
}

async fn read(
    rpc: &Rpc,
    signatures: &[Signature],
    question: &Find<'_>,
    finality: Finality,
) -> Result<Option<Recorded>> {
    let asks: Vec<Ask> = signatures.iter().map(|s| Ask::transaction(s, finality.level())).collect();
    let answers = rpc.batch(&asks).await.map_err(|(fault, place)| fault.error("getTransaction", place))?;
    for (signature, answer) in signatures.iter().zip(answers) {
        let record: Option<RawRecord> = answer.get()?;
        // The history knows it and the node does not: then nobody can say that it is not the one.
        let record = record.ok_or_else(|| {
            Error::network(Code::InvalidAnswer).detail("a transaction of the history that the node lacks")
        })?;
        let wire = record.wire(signature)?;
        if Wire::read(&wire).is_some_and(|wire| wire.message() == question.message) {
            return record.read(signature).map(Some);
        }
    }
    Ok(None)
}
