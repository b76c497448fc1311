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
/// Whoever has the block of this height has the whole chain: the blocks before it are its making.
const FIRST_HEIGHT: u64 = 2;
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBlock {
    #[serde(default)]
    block_height: Option<u64>,
    #[serde(default)]
    block_time: Option<i64>,
}

/// How far back a page of a history goes.
enum Back {
    /// To what is older than the question.
    Enough,
    /// To the last line that the node has.
    End,
    /// Not all the way: there is another page.
    More,
}

pub(crate) async fn find(rpc: &Rpc, question: &Find<'_>, finality: Finality) -> Result<Option<Recorded>> {
    let mut before = None;
    for _ in 0..PAGES_MAX {
        let ask = Ask::history(&question.address, before.as_ref(), question.min_slot, PAGE, finality.level());
        // Of the same node, and after the lines: it may forget more of them meanwhile.
        let [lines, first] = rpc.together([ask, Ask::first_block()]).await?;
        let lines: Vec<RawLine> = lines.get()?;
        if lines.len() > PAGE {
            return Err(Error::network(Code::InvalidAnswer).detail("more lines of a history than asked for"));
        }
        let (candidates, back) = sift(&lines, question)?;
        for some in candidates.chunks(READ_AT_ONCE) {
            if let Some(found) = read(rpc, some, question, finality).await? {
                return Ok(Some(found));
            }
        }
        match back {
            Back::Enough => return Ok(None),
            Back::End => return reaches(rpc, question, first.get()?).await.map(|()| None),
            Back::More => before = lines.last().map(signature).transpose()?,
        }
    }
    // "Not there" would be a lie.
    Err(Error::network(Code::TooLarge).detail(format!(
        "more than {} transactions of {} to look through",
        PAGE * PAGES_MAX,
        question.address
    )))
}

/// Whether a node whose oldest block is of the slot `first` has every block that the transaction can be in: one that has
/// forgotten some of them knows of nothing there, and says the same as of what never was.
async fn reaches(rpc: &Rpc, question: &Find<'_>, first: u64) -> Result<()> {
    if first == 0 {
        return Ok(());
    }
    let block: Option<RawBlock> = rpc.call(Ask::block(first)).await?;
    let from_height = question.from_height.unwrap_or(0).max(FIRST_HEIGHT);
    let enough = |block: RawBlock| {
        block.block_height.is_some_and(|height| height <= from_height)
            || block.block_time.is_some_and(|at| seconds(at) < earliest(question))
    };
    if block.is_some_and(enough) {
        return Ok(());
    }
    Err(Error::network(Code::NotFound).detail(format!(
        "no node's history reaches back far enough to say that a transaction of {} is in no block: it begins with slot \
         {first}",
        question.address
    )))
}

/// The second that the transaction is surely not older than.
fn earliest(question: &Find<'_>) -> u64 {
    question.since.minus_ms(SLACK_MS).secs()
}

/// A block's time; what is before 1970 is before all of them.
fn seconds(at: i64) -> u64 {
    u64::try_from(at).unwrap_or(0)
}

/// Lines that may be it, and how far back they all go.
fn sift(lines: &[RawLine], question: &Find<'_>) -> Result<(Vec<Signature>, Back)> {
    let since = earliest(question);
    let mut candidates = Vec::new();
    for line in lines {
        if line.block_time.is_some_and(|at| seconds(at) < since) {
            return Ok((candidates, Back::Enough));
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
    Ok((candidates, if lines.len() < PAGE { Back::End } else { Back::More }))
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
