//! Finding out that a transaction can be in no block any more.
//!
//! The order of the questions is what makes it certain: first the chain at the set finality is beyond the last height
//! at which the transaction can be in a block, *then* a node that has seen that very slot knows nothing of it.

use super::engine::Engine;
use super::journal::End;
use super::watch::{Open, SLOTS_ASLEEP};
use crate::finality::Finality;
use crate::read::{InSlot, RawStatus, STATUSES_MAX};
use crate::rpc::{Answer, Ask, Level};
use serde::Deserialize;
use solana_signature::Signature;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tollway_core::Result;

/// Looks that must agree.
const LOOKS: u8 = 2;
/// Slots between them, and before a question that was not answered is asked again.
const SLOTS_APART: u32 = 3;
/// Nodes know every status of so many slots without searching.
const SLOTS_AT_HAND: u64 = 250;
/// Before a node whose history is too short is asked again.
const SHORT_HISTORY_PAUSE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEpoch {
    absolute_slot: u64,
    block_height: u64,
}

/// One that may be over.
struct Suspect {
    signature: Signature,
    last_valid: u64,
    from_slot: u64,
}

impl Engine {
    /// Looks whether anything is over whose time has come.
    pub(super) fn expire_due(self: &Arc<Self>) {
        if self.watched.expiring.load(Ordering::Acquire) {
            return;
        }
        let now = Instant::now();
        let due: Vec<Suspect> = {
            let map = self.watched.map();
            let due = map.iter().filter(|(_, open)| open.may_expire() && open.expire_at <= now);
            let suspect = |(signature, open): (&Signature, &Open)| Suspect {
                signature: *signature,
                last_valid: open.entry.last_valid,
                from_slot: open.entry.from_slot,
            };
            due.map(suspect).collect()
        };
        if due.is_empty() {
            return;
        }
        self.watched.expiring.store(true, Ordering::Release);
        let engine = self.clone();
        self.tasks.spawn(async move {
            // What is not answered is asked again later.
            engine.postpone(due.iter().map(|suspect| &suspect.signature), engine.slot * SLOTS_APART);
            if let Err(error) = engine.expire(due).await {
                tracing::debug!(target: "tollway_solana", %error, "whether something is over is not known yet");
            }
            engine.watched.expiring.store(false, Ordering::Release);
            engine.watched.wake();
        });
    }

    fn postpone<'a>(&self, signatures: impl Iterator<Item = &'a Signature>, pause: Duration) {
        let mut map = self.watched.map();
        for signature in signatures {
            if let Some(open) = map.get_mut(signature) {
                open.expire_at = Instant::now() + pause;
            }
        }
    }

    async fn expire(&self, due: Vec<Suspect>) -> Result<()> {
        // What is only processed may be dropped with its fork, and another fork may hold the transaction.
        let level = if self.finality == Finality::Finalized { Level::Finalized } else { Level::Confirmed };
        let reached: RawEpoch = self.watch_rpc.call(Ask::epoch(level)).await?;
        self.heights.saw(reached.block_height, reached.absolute_slot, level);
        let (over, alive): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|suspect| suspect.last_valid < reached.block_height);
        for suspect in &alive {
            let blocks = suspect.last_valid.saturating_sub(reached.block_height).saturating_add(1);
            let pause = self.slot * u32::try_from(blocks.min(SLOTS_ASLEEP)).unwrap_or(1);
            self.postpone(std::iter::once(&suspect.signature), pause);
        }
        for some in over.chunks(STATUSES_MAX) {
            self.look_for(some, reached.absolute_slot).await?;
        }
        Ok(())
    }

    /// Searches for all of them, in all that a node has; it must have reached `slot`.
    async fn look_for(&self, over: &[Suspect], slot: u64) -> Result<()> {
        let signatures: Vec<Signature> = over.iter().map(|suspect| suspect.signature).collect();
        let asks = [Ask::statuses(&signatures, true), Ask::first_block()];
        let [statuses, first]: [Answer; 2] = self.watch_rpc.together(asks).await?;
        let statuses: InSlot<Vec<Option<RawStatus>>> = statuses.get()?;
        if statuses.context.slot < slot || statuses.value.len() != over.len() {
            return Ok(()); // a node that is behind the one that told the height
        }
        let first: Option<u64> = first.get().ok();
        for (suspect, status) in over.iter().zip(&statuses.value) {
            if self.saw(&suspect.signature, status.as_ref()).await {
                continue;
            }
            let at_hand = statuses.context.slot.saturating_sub(suspect.from_slot) < SLOTS_AT_HAND;
            if at_hand || first.is_some_and(|first| first <= suspect.from_slot) {
                self.missed(&suspect.signature).await;
            } else {
                tracing::warn!(target: "tollway_solana", tx = %suspect.signature, "no node's history reaches back far enough to say that it is in no block");
                self.postpone(std::iter::once(&suspect.signature), SHORT_HISTORY_PAUSE);
            }
        }
        Ok(())
    }

    /// One more look without it; enough of them are its end.
    async fn missed(&self, signature: &Signature) {
        let over = {
            let mut map = self.watched.map();
            let Some(open) = map.get_mut(signature) else { return };
            open.expired_looks = open.expired_looks.saturating_add(1);
            if open.expired_looks >= LOOKS { map.remove(signature) } else { None }
        };
        if let Some(open) = over {
            self.conclude(open.flight, open.entry, End::Expired).await;
        }
    }
}
