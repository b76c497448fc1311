//! Many questions to one block, in one round trip.
//!
//! Usually that is one `eth_call` of Multicall3, which also tells the block's number and time. More calls than fit
//! one, or a chain without Multicall3, take two requests: the block first, then a batch pinned to its number, so
//! that all answers are still of the same block. (On Arbitrum the number that a contract sees is L1's; the time is
//! right.)

pub(crate) mod multicall;

use crate::contracts::IMulticall3;
use crate::finality::Finality;
use crate::number::to_u64;
use crate::profiles::Profile;
use crate::rpc::{Rpc, RpcFault, Slot};
use crate::{At, EvmCall, Looked};
use alloy::primitives::{Address, Bytes, U64, U256};
use alloy::sol_types::SolCall;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use tollway_core::{Code, Error, Result, Time};

/// The most calls in one look.
const CALLS_MAX: usize = 2048;
/// The most calls in one `eth_call`.
const CHUNK_CALLS: usize = 256;
/// The most call data in one `eth_call`, in bytes.
const CHUNK_BYTES: usize = 96 * 1024;
/// The most call data in one look.
const LOOK_BYTES_MAX: usize = 1024 * 1024;

/// The parts of a block that are needed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Header {
    pub(crate) number: U64,
    pub(crate) timestamp: U64,
}

impl Header {
    pub(crate) fn number(&self) -> u64 {
        self.number.to()
    }
    pub(crate) fn time(&self) -> Time {
        Time::from_secs(self.timestamp.to())
    }
}

/// Looks at one chain.
#[derive(Debug)]
pub(crate) struct Looker {
    rpc: Rpc,
    profile: Profile,
    finality: Finality,
    no_multicall: AtomicBool,
}

impl Looker {
    pub(crate) fn new(rpc: Rpc, profile: Profile, finality: Finality) -> Self {
        Self { rpc, profile, finality, no_multicall: AtomicBool::new(false) }
    }

    pub(crate) async fn look(&self, calls: &[EvmCall], at: At) -> Result<Looked> {
        let bytes = calls.iter().fold(0usize, |sum, c| sum.saturating_add(c.data.len()));
        if calls.len() > CALLS_MAX || bytes > LOOK_BYTES_MAX {
            return Err(Error::caller(Code::TooLarge).detail(format!(
                "{} calls of {bytes} bytes in one look; {CALLS_MAX} calls and {LOOK_BYTES_MAX} bytes are the limit",
                calls.len()
            )));
        }
        let tag = self.tag(at).await?;
        if self.no_multicall.load(Ordering::Relaxed) {
            return self.one_by_one(calls, tag).await;
        }
        if calls.len() > CHUNK_CALLS || bytes > CHUNK_BYTES {
            return self.in_chunks(calls, tag).await;
        }
        match self.at_once(calls, tag.clone()).await {
            Err(error) if error.code == Code::NotFound => {
                self.no_multicall.store(true, Ordering::Relaxed);
                self.one_by_one(calls, tag).await
            }
            other => other,
        }
    }

    /// The block to ask, as the node spells it.
    async fn tag(&self, at: At) -> Result<Cow<'static, str>> {
        match (at, self.finality) {
            (At::Latest, _) | (_, Finality::Included) | (_, Finality::Confirmations(0)) => {
                Ok("latest".into())
            }
            (_, Finality::Safe) => Ok("safe".into()),
            (_, Finality::Finalized) => Ok("finalized".into()),
            (_, Finality::Confirmations(n)) => {
                let head: U64 = self.rpc.call("eth_blockNumber", ()).await?;
                Ok(format!("{:#x}", head.to::<u64>().saturating_sub(n.into())).into())
            }
        }
    }

    async fn at_once(&self, calls: &[EvmCall], tag: Cow<'static, str>) -> Result<Looked> {
        let all = with_block(self.profile.multicall, calls);
        let returned: Bytes =
            self.rpc.call("eth_call", multicall::question(self.profile.multicall, &all, tag)).await?;
        looked(&returned, all.len())
    }

    /// The header behind a tag.
    async fn header(&self, tag: &str) -> Result<Header> {
        let header: Option<Header> = self.rpc.call("eth_getBlockByNumber", (tag, false)).await?;
        header.ok_or_else(|| Error::network(Code::InvalidAnswer).detail(format!("no block {tag}")))
    }

    async fn in_chunks(&self, calls: &[EvmCall], tag: Cow<'static, str>) -> Result<Looked> {
        let header = self.header(&tag).await?;
        let pinned: Cow<'static, str> = format!("{:#x}", header.number()).into();
        let mut batch = self.rpc.batch();
        let mut slots = Vec::new();
        for chunk in chunks(calls) {
            let pairs: Vec<_> = chunk.iter().map(|c| (c.to, c.data.clone())).collect();
            let question = multicall::question(self.profile.multicall, &pairs, pinned.clone());
            slots.push((batch.add::<_, Bytes>("eth_call", &question)?, chunk.len()));
        }
        batch.send().await?;
        let mut results = Vec::with_capacity(calls.len());
        for (slot, expected) in slots {
            results.extend(multicall::answers(&slot.get().await?, expected)?);
        }
        Ok(Looked { block: header.number(), time: header.time(), results })
    }

    async fn one_by_one(&self, calls: &[EvmCall], tag: Cow<'static, str>) -> Result<Looked> {
        let header = self.header(&tag).await?;
        let mut results = Vec::with_capacity(calls.len());
        if !calls.is_empty() {
            let pinned: Cow<'static, str> = format!("{:#x}", header.number()).into();
            let mut batch = self.rpc.batch();
            let mut slots = Vec::with_capacity(calls.len());
            for call in calls {
                slots.push(
                    batch.add::<_, Bytes>(
                        "eth_call",
                        &multicall::plain(call.to, &call.data, pinned.clone()),
                    )?,
                );
            }
            batch.send().await?;
            for slot in slots {
                results.push(answer(&self.rpc, slot).await?);
            }
        }
        Ok(Looked { block: header.number(), time: header.time(), results })
    }
}

/// What one `eth_call` of a batch returned, or reverted with.
pub(crate) async fn answer(rpc: &Rpc, slot: Slot<Bytes>) -> Result<std::result::Result<Bytes, Bytes>> {
    match slot.take().await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(RpcFault::Refused(no)) if reverted(&no) => Ok(Err(no.revert.unwrap_or_default())),
        Err(fault) => Err(fault.error("eth_call", rpc.place())),
    }
}

/// The answers of an `eth_call` to all of [`with_block`].
fn looked(returned: &Bytes, expected: usize) -> Result<Looked> {
    let mut results = multicall::answers(returned, expected)?;
    let mut word = |what| {
        let bytes = results.pop().and_then(Result::ok);
        let word = bytes.as_ref().and_then(|b| b.get(..32)).map(U256::from_be_slice);
        to_u64(word.ok_or_else(|| Error::network(Code::InvalidAnswer).detail(format!("no {what}")))?, what)
    };
    let seconds = word("block time")?;
    let block = word("block number")?;
    Ok(Looked { block, time: Time::from_secs(seconds), results })
}

/// Geth says code 3 for a revert; others say it in words, as all say that the gas is gone.
fn reverted(no: &crate::rpc::Refusal) -> bool {
    let words = no.message.to_ascii_lowercase();
    no.code == 3
        || no.revert.is_some()
        || ["revert", "out of gas", "outofgas"].iter().any(|said| words.contains(said))
}

/// The calls, and last the questions for the block's number and time.
fn with_block(multicall: Address, calls: &[EvmCall]) -> Vec<(Address, Bytes)> {
    let number = IMulticall3::getBlockNumberCall {}.abi_encode().into();
    let time = IMulticall3::getCurrentBlockTimestampCall {}.abi_encode().into();
    let pairs = calls.iter().map(|c| (c.to, c.data.clone()));
    pairs.chain([(multicall, number), (multicall, time)]).collect()
}

/// The calls in runs that fit one `eth_call` each; a call that is larger alone goes alone.
fn chunks(calls: &[EvmCall]) -> Vec<&[EvmCall]> {
    let (mut chunks, mut rest) = (Vec::new(), calls);
    while !rest.is_empty() {
        let (mut take, mut bytes) = (0usize, 0usize);
        for call in rest.iter().take(CHUNK_CALLS) {
            bytes = bytes.saturating_add(call.data.len());
            if take > 0 && bytes > CHUNK_BYTES {
                break;
            }
            take = take.saturating_add(1);
        }
        let (chunk, after) = rest.split_at(take);
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_every_call_in_order_and_within_bounds() {
        let call = |size: usize| EvmCall { to: Address::ZERO, data: vec![1; size].into() };
        let calls: Vec<_> = (0..700).map(|i| call(i % 900)).chain([call(200_000), call(1)]).collect();
        let chunks = chunks(&calls);
        assert_eq!(chunks.concat(), calls);
        for chunk in chunks {
            let bytes: usize = chunk.iter().map(|c| c.data.len()).sum();
            assert!(chunk.len() == 1 || (chunk.len() <= CHUNK_CALLS && bytes <= CHUNK_BYTES));
        }
    }
}
