use crate::BLOCKHASH_BLOCKS;
use crate::height::{Height, Heights};
use crate::read::InSlot;
use crate::rpc::{Ask, Level, Rpc};
use crate::single::Single;
use crate::svm::Blockhash;
use crate::tasks::Tasks;
use serde::Deserialize;
use solana_hash::Hash;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use tollway_core::{Clock, Code, Error, Result};

/// A blockhash of so many slots ago is as good as new: it loses that many of its 150 blocks.
const FRESH_SLOTS: u64 = 5;
/// One older than this is not given any more.
const USABLE_SLOTS: u64 = 30;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHash {
    blockhash: String,
    last_valid_block_height: u64,
}

/// Recent blockhashes of one chain. Of confirmed blocks: one of a block that is dropped with its fork would make every
/// transaction on it invalid.
pub(crate) struct Blockhashes {
    rpc: Rpc,
    clock: Arc<dyn Clock>,
    heights: Arc<Heights>,
    slot_ms: u64,
    newest: RwLock<Option<Blockhash>>,
    fetch: Single<Result<Blockhash>>,
}

impl Blockhashes {
    pub(crate) fn new(rpc: Rpc, clock: Arc<dyn Clock>, heights: Arc<Heights>, slot_ms: u32) -> Arc<Self> {
        let (newest, fetch) = (RwLock::default(), Single::default());
        Arc::new(Self { rpc, clock, heights, slot_ms: slot_ms.into(), newest, fetch })
    }

    /// A recent blockhash.
    pub(crate) async fn recent(self: &Arc<Self>, tasks: &Tasks) -> Result<Blockhash> {
        let newest = *self.newest.read().unwrap_or_else(PoisonError::into_inner);
        let age_ms = newest.map(|hash| self.clock.now().ms_since(hash.as_of));
        match (newest, age_ms) {
            (Some(hash), Some(age)) if age < self.slot_ms.saturating_mul(FRESH_SLOTS) => Ok(hash),
            (Some(hash), Some(age)) if age < self.slot_ms.saturating_mul(USABLE_SLOTS) => {
                if !self.fetch.busy() {
                    let hashes = self.clone();
                    tasks.spawn(async move {
                        let _ = hashes.look().await;
                    });
                }
                Ok(hash)
            }
            _ => self.look().await,
        }
    }

    /// Where the chain is, for bounds: as known from any look, else from a new one.
    pub(crate) async fn height(&self) -> Result<Height> {
        if let Some(known) = self.heights.newest() {
            return Ok(known);
        }
        self.look().await?;
        self.heights.newest().ok_or_else(|| Error::us(Code::Internal).detail("a look that told no height"))
    }

    /// Asks now.
    pub(crate) async fn look(&self) -> Result<Blockhash> {
        let (rpc, clock, heights) = (self.rpc.clone(), self.clock.clone(), self.heights.clone());
        let hash = self
            .fetch
            .join(|| async move {
                let answer: InSlot<RawHash> = rpc.call(Ask::blockhash(Level::Confirmed)).await?;
                let raw = answer.value;
                let hash = Hash::from_str(&raw.blockhash).map_err(|_| {
                    Error::network(Code::InvalidAnswer).detail("a blockhash that is not 32 bytes in base58")
                })?;
                let last = raw.last_valid_block_height;
                heights.saw(last.saturating_sub(BLOCKHASH_BLOCKS), answer.context.slot, Level::Confirmed);
                heights.gave(hash, last);
                Ok(Blockhash { hash, last_valid_height: last, as_of: clock.now() })
            })
            .await?;
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(hash);
        Ok(hash)
    }
}
