//! Sending the same bytes again.

use super::engine::Engine;
use super::open::{AGAIN_MAX, AGAIN_MIN};
use super::verdict::Verdict;
use alloy::primitives::{Address, B256, Bytes};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tollway_core::{Code, Next};

/// Refusals of the lowest open nonce before it is given up: its transaction is not sent again, and if no node knows
/// it, something else takes the nonce, so that it does not block what comes after.
const REFUSALS_MAX: u8 = 6;
/// The longest pause on a fast chain, or after a refusal.
const AGAIN_SLOW: Duration = Duration::from_secs(2);
/// Sent at once.
const AT_ONCE: usize = 8;

/// Something to be sent: who from, the nonce, its name, its hash and its bytes.
type Due = (Address, u64, B256, B256, Bytes);

impl Engine {
    /// How long what a node has taken is left alone: a few blocks. Nodes drop transactions, and so do reorganisations.
    pub(super) fn keeps(&self) -> Duration {
        Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(4)).clamp(AGAIN_SLOW, AGAIN_MAX)
    }

    /// Sends again what is due, in the order of nonces.
    pub(super) fn send_due(self: &Arc<Self>) {
        let now = Instant::now();
        let mut due: Vec<Due> = Vec::new();
        for (name, open) in self.watched.map().iter_mut() {
            if open.again_at <= now
                && !open.busy
                && !open.silent
                && !open.seen
                && self.ours(&open.entry.sender)
            {
                open.busy = true;
                let entry = &open.entry;
                due.push((entry.sender, entry.nonce, *name, entry.hash, entry.raw.clone()));
            }
        }
        if due.is_empty() {
            return;
        }
        due.sort_unstable_by_key(|(sender, nonce, ..)| (*sender, *nonce));
        let engine = self.clone();
        self.tasks.spawn(async move {
            let again = due.into_iter().map(|(_, _, name, hash, raw)| {
                let engine = engine.clone();
                async move {
                    let verdict = engine.submitter.again(&hash, &raw).await;
                    engine.told(&name, &verdict);
                }
            });
            futures::stream::iter(again).buffered(AT_ONCE).collect::<Vec<()>>().await;
        });
    }

    /// What a node said about a journaled transaction that was sent to it.
    pub(super) fn told(&self, name: &B256, verdict: &Verdict) {
        if let Verdict::Refused(error) | Verdict::Strange(error) = verdict {
            tracing::warn!(target: "tollway_evm", %error, tx = %name, "a journaled transaction finds no taker yet");
        }
        let mut map = self.watched.map();
        let of = map.get(name).map(|open| (open.entry.sender, open.entry.nonce));
        let lowest = of.is_some_and(|(sender, nonce)| {
            map.values().all(|other| other.entry.sender != sender || other.entry.nonce >= nonce)
        });
        let Some(open) = map.get_mut(name) else { return };
        open.busy = false;
        let most = Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(2))
            .clamp(AGAIN_SLOW, AGAIN_MAX);
        open.pause = open.pause.max(AGAIN_MIN).saturating_mul(2).min(most);
        if matches!(verdict, Verdict::Refused(e) if e.code == Code::RpcRefused && e.next == Next::Later) {
            open.cheap = true;
            self.market.forget(); // it was offered too little: the market is not where it was
        }
        match verdict {
            Verdict::Accepted | Verdict::Mined(_) => {
                (open.pause, open.fresh, open.refusals, open.cheap) = (self.keeps(), true, 0, false);
            }
            Verdict::NonceTooLow => (open.suspect, open.urgent) = (true, true),
            Verdict::Refused(_) | Verdict::Strange(_) | Verdict::Taken if lowest && !open.fills => {
                // A refusal is a quick answer of a node that is well: no reason to keep away from it for long.
                open.pause = open.pause.min(AGAIN_SLOW);
                open.refusals = open.refusals.saturating_add(1);
                open.silent |= open.refusals >= REFUSALS_MAX;
                open.suspect |= open.silent;
            }
            _ => {}
        }
        open.again_at = Instant::now() + open.pause;
        drop(map);
        self.watched.wake.notify_one();
    }
}
