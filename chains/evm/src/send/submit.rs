use super::settings::Inclusion;
use super::verdict::Verdict;
use crate::receipt::RawReceipt;
use crate::rpc::Rpc;
use alloy::primitives::{B256, Bytes};
use serde::de::IgnoredAny;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Brings signed bytes to the node.
#[derive(Debug)]
pub(super) struct Submitter {
    rpc: Rpc,
    /// True until the node says that it does not know `eth_sendRawTransactionSync`.
    sync: AtomicBool,
    sync_limit: Duration,
    again_limit: Duration,
}

impl Submitter {
    pub(super) fn new(rpc: Rpc, inclusion: Inclusion, block_ms: u32) -> Self {
        // A block and a half, and a second for the way: after that it is better to look for the receipt than to hope
        // for this answer.
        let block_ms = u64::from(block_ms);
        let sync_limit = Duration::from_millis(block_ms.saturating_add(block_ms / 2).saturating_add(1_000));
        let again_limit = rpc.timeout().min(Duration::from_secs(3));
        Self { rpc, sync: AtomicBool::new(inclusion == Inclusion::Auto), sync_limit, again_limit }
    }

    /// The first time: with the receipt in the same answer, where the node can.
    pub(super) async fn first(&self, hash: &B256, raw: &Bytes) -> Verdict {
        if self.sync.load(Ordering::Relaxed) {
            match self.sync(hash, raw).await {
                Verdict::NoSuchMethod => self.sync.store(false, Ordering::Relaxed),
                verdict => return verdict,
            }
        }
        self.plain(hash, raw, self.rpc.timeout()).await
    }

    /// The same bytes again. Where there are several nodes, they are asked for the hash before anything is sent.
    pub(super) async fn again(&self, hash: &B256, raw: &Bytes) -> Verdict {
        if self.rpc.nodes() > 1 && self.known_anywhere(hash).await {
            return Verdict::Accepted;
        }
        self.plain(hash, raw, self.again_limit).await
    }

    /// A higher offer for something that was sent before.
    pub(super) async fn again_first(&self, hash: &B256, raw: &Bytes) -> Verdict {
        self.plain(hash, raw, self.again_limit).await
    }

    /// True when a node has a transaction with this hash, in a block or in its pool.
    async fn known_anywhere(&self, hash: &B256) -> bool {
        let nodes = self.rpc.each_well();
        let asked = nodes.iter().map(|node| {
            node.ask_within::<_, Option<IgnoredAny>>("eth_getTransactionByHash", (hash,), self.again_limit)
        });
        futures::future::join_all(asked).await.iter().any(|answer| matches!(answer, Ok(Some(_))))
    }

    async fn sync(&self, hash: &B256, raw: &Bytes) -> Verdict {
        let asked = self.rpc.ask_within("eth_sendRawTransactionSync", (raw,), self.sync_limit);
        match asked.await {
            Ok::<Option<RawReceipt>, _>(Some(receipt))
                if receipt.block().is_some() && receipt.transaction_hash == *hash =>
            {
                Verdict::Mined(Box::new(receipt))
            }
            // Nothing, or a receipt of something else: neither proves anything about ours.
            Ok(_) => Verdict::Doubt,
            Err(fault) => Verdict::of(&fault, self.rpc.place()),
        }
    }

    async fn plain(&self, hash: &B256, raw: &Bytes, limit: Duration) -> Verdict {
        match self.rpc.ask_within::<_, B256>("eth_sendRawTransaction", (raw,), limit).await {
            Ok(named) if named == *hash => Verdict::Accepted,
            Ok(_) => Verdict::Doubt,
            Err(fault) => match Verdict::of(&fault, self.rpc.place()) {
                // A node without the plainest of methods is no refusal of this transaction that can be trusted.
                Verdict::NoSuchMethod => Verdict::Doubt,
                verdict => verdict,
            },
        }
    }
}
