//! Offering more for a transaction that the market has left behind.
//!
//! The higher offer is the *same call at the same nonce*: at most one of the two can ever be mined. It is journaled before
//! it is sent, under the same key, with the hashes of the offers before it; from then on receipts are looked for under all
//! of them, and whichever is mined is the result.
//!
//! What is stuck though its fee is enough, because blocks passed over it or none came, is offered more for too.
//!
//! Both fees rise by an eighth at least, which is what nodes want of a replacement, and to today's market if that is more.
//! [`SendSettings::bid_times_max`] and [`SendSettings::fee_cap_wei`] bound it.

use super::engine::Engine;
use super::journal::{Bid, Entry};
use super::settings::SendSettings;
use super::tx::{self, Offer};
use super::verdict::Verdict;
use crate::fees::FeeView;
use alloy::primitives::B256;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tollway_core::{Blame, Code, Error, Next, Purpose, RecordKey, Result};

/// Offers that are made for one transaction at most.
const BIDS_MAX: usize = 24;
/// Blocks that pass over the lowest nonce, though its fee is enough, before more is offered.
const PASSED_OVER: u64 = 6;
/// The same in time, at least and at most, for a chain that makes no block meanwhile.
const STANDS_STILL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(120));
/// Higher offers made at once.
const AT_ONCE: usize = 32;
/// How long after its time a transaction that is stuck may still be mined, before its nonce is used for nothing.
const LATE_MS: u64 = 60_000;

impl Engine {
    /// Offers more for what is stuck at its price. The head is the newest block's number, and `rested` how long it has been
    /// the newest.
    pub(super) async fn outbid(self: &Arc<Self>, head: u64, rested: Duration) {
        let waiting = self.stuck(head, rested);
        if waiting.is_empty() {
            return;
        }
        let Ok(fees) = self.market.now().await else { return };
        let now = self.clock.now();
        for (name, key, entry, cheap, passed) in waiting {
            let behind = cheap || entry.max_fee_wei < fees.base_fee_wei.saturating_add(entry.tip_wei.min(1));
            if !behind && !passed || !self.ours(&entry.sender) {
                continue;
            }
            if now > entry.not_after.plus_ms(LATE_MS) {
                self.give_up(name, key, entry);
                continue;
            }
            let Some(offer) = higher(&entry, &fees, &self.settings) else { continue };
            if !self.claim_bid(&name, head) {
                continue;
            }
            let engine = self.clone();
            self.tasks.spawn(async move {
                if let Err(error) = engine.bid(&name, &key, &entry, offer).await {
                    tracing::warn!(target: "tollway_evm", %error, tx = %name, "no higher offer was made");
                    if let Some(open) = engine.watched.map().get_mut(&name) {
                        open.busy = false;
                    }
                }
            });
        }
    }

    /// What has waited long enough for its price to be looked at: its name, key and entry, whether a node has refused
    /// its fee, and whether blocks have passed over it.
    fn stuck(&self, head: u64, rested: Duration) -> Vec<(B256, RecordKey, Entry, bool, bool)> {
        let patience = Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(3) / 2)
            .clamp(Duration::from_millis(500), Duration::from_secs(30));
        let stands_still =
            Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(PASSED_OVER))
                .clamp(STANDS_STILL.0, STANDS_STILL.1);
        let mut map = self.watched.map();
        let mut lowest = std::collections::HashMap::new();
        for open in map.values_mut() {
            open.bid_head.get_or_insert(head);
            let least = lowest.entry(open.entry.sender).or_insert(open.entry.nonce);
            *least = open.entry.nonce.min(*least);
        }
        let waits = |(name, open): (&B256, &super::open::Open)| {
            let idle = !open.seen && !open.silent && !open.busy && !open.suspect;
            let long = open.cheap || open.bid_at.elapsed() >= patience;
            if !idle || !long || open.entry.before.len() >= BIDS_MAX {
                return None;
            }
            let first = lowest.get(&open.entry.sender) == Some(&open.entry.nonce);
            let blocks = head.saturating_sub(open.bid_head.unwrap_or(head));
            // Where blocks come only with transactions, a node that has lost sight of this one makes none: the same bytes
            // are nothing new to it, a higher offer is. Only one: a chain that rests must not make us bid against ourselves.
            let still = open.entry.before.is_empty() && rested.min(open.since.elapsed()) >= stands_still;
            let passed = first && (blocks >= PASSED_OVER || still);
            Some((*name, open.flight.key.clone(), open.entry.clone(), open.cheap, passed))
        };
        let mut stuck: Vec<_> = map.iter().filter_map(waits).collect();
        stuck.sort_unstable_by_key(|(_, _, entry, ..)| (entry.nonce, entry.sender));
        stuck.truncate(AT_ONCE);
        stuck
    }

    /// Keeps everybody else from sending it while more is offered for it.
    fn claim_bid(&self, name: &B256, head: u64) -> bool {
        let mut map = self.watched.map();
        let Some(open) = map.get_mut(name).filter(|open| !open.busy) else { return false };
        (open.busy, open.bid_at, open.bid_head) = (true, Instant::now(), Some(head));
        true
    }

    async fn bid(self: &Arc<Self>, name: &B256, key: &RecordKey, old: &Entry, offer: Offer) -> Result<()> {
        let lane = self.lanes.iter().find(|lane| lane.address == old.sender);
        let lane = lane.ok_or_else(|| Error::us(Code::NoSigner).detail("the sender's key is gone"))?;
        let body = tx::outbid(&old.raw, offer)?;
        let may_cost = tx::may_cost_wei(&body);
        let has = lane.purse().free().saturating_add(old.may_cost_wei());
        if has < may_cost {
            return Err(Error::new(Code::UnexpectedSettleError, Blame::Settler, Next::Later)
                .detail(format!("{} has {has} wei for {may_cost}", lane.address)));
        }
        self.check_ours(&lane.address)?;
        let (hash, raw) = tx::sign(lane.signer.as_ref(), body).await?;
        let mut new = old.clone();
        new.before.push(Bid { hash: old.hash, max_fee_wei: old.max_fee_wei, tip_wei: old.tip_wei });
        (new.hash, new.raw) = (hash, raw);
        (new.max_fee_wei, new.tip_wei) = (offer.max_fee_wei, offer.tip_wei);
        let new = match self.journal.outbid(key, old, &new).await {
            Ok(()) => new,
            Err(error) => self.journaled(key, error).await?,
        };
        let (hash, raw) = (new.hash, new.raw.clone());
        {
            let mut map = self.watched.map();
            let Some(open) = map.get_mut(name) else { return Ok(()) }; // it has ended meanwhile
            open.entry = new;
            (open.refusals, open.cheap) = (0, false);
            open.flight.may_cost(may_cost);
            open.flight.pending(crate::address::tx_id(&hash));
        }
        let verdict = match self.ours(&old.sender) {
            true => self.submitter.again_first(&hash, &raw).await,
            false => Verdict::Doubt, // the key's next holder sends it
        };
        self.told(name, &verdict);
        Ok(())
    }

    /// What the journal holds after a write whose answer was no plain yes. Nothing that is not in there is sent.
    async fn journaled(&self, key: &RecordKey, error: Error) -> Result<Entry> {
        match self.journal.load(key).await? {
            Some(entry) if entry.mined.is_none() => Ok(entry),
            _ => Err(error),
        }
    }

    /// Its time is over and its price too low: a transfer of nothing takes the nonce, so that what comes after it goes on.
    fn give_up(self: &Arc<Self>, name: B256, key: RecordKey, entry: Entry) {
        if let Some(open) = self.watched.map().get_mut(&name) {
            (open.silent, open.bid_at) = (true, Instant::now());
        }
        let engine = self.clone();
        self.tasks.spawn(async move {
            if let Err(error) = engine.replace(&key, &entry).await {
                tracing::warn!(target: "tollway_evm", %error, tx = %name, "a nonce is not passed over yet");
                engine.watched.speak(&name);
            }
        });
    }
}

/// The next offer: at least an eighth more of both, and today's market. `None` where the bounds allow no such offer.
fn higher(entry: &Entry, fees: &FeeView, settings: &SendSettings) -> Option<Offer> {
    let market = Offer {
        max_fee_wei: fees.max_fee_wei(Purpose::Interactive),
        tip_wei: fees.tips_wei.of(Purpose::Interactive),
    };
    let cap = settings.cap_wei(entry.first_fee_wei());
    let offer = raised(Offer { max_fee_wei: entry.max_fee_wei, tip_wei: entry.tip_wei }, market, cap)?;
    (offer.max_fee_wei > fees.base_fee_wei).then_some(offer)
}

fn raised(old: Offer, market: Offer, cap_wei: u128) -> Option<Offer> {
    let more = |wei: u128| wei.saturating_add(wei.div_ceil(8)).max(wei.saturating_add(1));
    let (least_max, least_tip) = (more(old.max_fee_wei), more(old.tip_wei));
    let max_fee_wei = market.max_fee_wei.max(least_max).min(cap_wei);
    let tip_wei = market.tip_wei.max(least_tip).min(max_fee_wei);
    (max_fee_wei >= least_max && tip_wei >= least_tip).then_some(Offer { max_fee_wei, tip_wei })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(max_fee_wei: u128, tip_wei: u128) -> Offer {
        Offer { max_fee_wei, tip_wei }
    }

    #[test]
    fn both_fees_rise_by_an_eighth_or_to_the_market_and_never_beyond_the_cap() {
        let cases = [
            (offer(800, 80), offer(100, 1), u128::MAX, Some(offer(900, 90))),
            (offer(801, 81), offer(100, 1), u128::MAX, Some(offer(902, 92))),
            (offer(800, 0), offer(100, 0), u128::MAX, Some(offer(900, 1))),
            (offer(800, 80), offer(16_000, 100), u128::MAX, Some(offer(16_000, 100))),
            (offer(800, 80), offer(16_000, 20_000), u128::MAX, Some(offer(16_000, 16_000))),
            (offer(800, 80), offer(16_000, 100), 1_000, Some(offer(1_000, 100))),
            (offer(800, 80), offer(16_000, 100), 899, None),
            (offer(800, 800), offer(900, 1), u128::MAX, Some(offer(900, 900))),
            (offer(u128::MAX, 1), offer(1, 1), u128::MAX, Some(offer(u128::MAX, 2))),
        ];
        for (old, market, cap, next) in cases {
            assert_eq!(raised(old, market, cap), next, "{old:?} {market:?} {cap}");
        }
    }
}
