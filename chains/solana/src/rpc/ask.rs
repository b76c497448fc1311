//! The questions that are asked of nodes, spelled in one place.

use crate::base64;
use serde_json::{Value, json};
use solana_pubkey::Pubkey;
use solana_signature::Signature;

/// How firm the state must be that an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    Processed,
    Confirmed,
    Finalized,
}

impl Level {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }
    /// Histories are kept of confirmed blocks only.
    const fn recorded(self) -> &'static str {
        if matches!(self, Self::Finalized) { "finalized" } else { "confirmed" }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    params: Value,
    /// At which level its answer is about a slot, where a node refuses what is asked about one that it has not reached.
    pub(super) level: Option<Level>,
}

/// One call as an object, several as a list; the id is the place in it.
pub(super) fn body(asks: &[Ask]) -> String {
    let one = |(id, ask): (usize, &Ask)| json!({"jsonrpc": "2.0", "id": id, "method": ask.method, "params": ask.params});
    match asks {
        [ask] => one((0, ask)).to_string(),
        asks => Value::from_iter(asks.iter().enumerate().map(one)).to_string(),
    }
}

fn spelled(keys: &[Pubkey]) -> Vec<String> {
    keys.iter().map(Pubkey::to_string).collect()
}

impl Ask {
    fn new(method: &'static str, params: Value) -> Self {
        Self { method, params, level: None }
    }
    fn at(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }
    /// The same, refused by a node that has not reached the slot that `least` says for its level.
    pub(super) fn not_before(&self, least: impl FnOnce(Level) -> u64) -> Self {
        let mut ask = self.clone();
        let config =
            ask.params.as_array_mut().and_then(|params| params.last_mut()).and_then(Value::as_object_mut);
        if let (Some(config), Some(slot)) = (config, self.level.map(least).filter(|slot| *slot > 0)) {
            config.insert("minContextSlot".to_owned(), slot.into());
        }
        ask
    }
    pub(crate) fn genesis() -> Self {
        Self::new("getGenesisHash", json!([]))
    }
    pub(crate) fn accounts(keys: &[Pubkey], level: Level) -> Self {
        let config = json!({"encoding": "base64", "commitment": level.as_str()});
        Self::new("getMultipleAccounts", json!([spelled(keys), config])).at(level)
    }
    pub(crate) fn height(level: Level) -> Self {
        Self::new("getBlockHeight", json!([{"commitment": level.as_str()}])).at(level)
    }
    /// Slot and block height at once.
    pub(crate) fn epoch(level: Level) -> Self {
        Self::new("getEpochInfo", json!([{"commitment": level.as_str()}])).at(level)
    }
    pub(crate) fn blockhash(level: Level) -> Self {
        Self::new("getLatestBlockhash", json!([{"commitment": level.as_str()}])).at(level)
    }
    /// A block's height and time, without what is in it.
    pub(crate) fn block(slot: u64) -> Self {
        let config = json!({
            "transactionDetails": "none", "rewards": false, "maxSupportedTransactionVersion": 0, "commitment": "confirmed",
        });
        Self::new("getBlock", json!([slot, config]))
    }
    /// The oldest block that a node still has.
    pub(crate) fn first_block() -> Self {
        Self::new("getFirstAvailableBlock", json!([]))
    }
    /// `history`: search further back than the few minutes that nodes keep at hand.
    pub(crate) fn statuses(signatures: &[Signature], history: bool) -> Self {
        let spelled: Vec<String> = signatures.iter().map(Signature::to_string).collect();
        Self::new("getSignatureStatuses", json!([spelled, {"searchTransactionHistory": history}]))
    }
    pub(crate) fn trial(wire: &[u8], after: &[Pubkey], inner: bool) -> Self {
        let config = json!({
            "encoding": "base64", "sigVerify": false, "replaceRecentBlockhash": false, "commitment": "processed",
            "innerInstructions": inner, "accounts": {"encoding": "base64", "addresses": spelled(after)},
        });
        Self::new("simulateTransaction", json!([base64::encode(wire), config])).at(Level::Processed)
    }
    /// The first time with a trial before it, which is part of the same call; later without, and never repeated by the
    /// node itself.
    pub(crate) fn send(wire: &[u8], again: bool) -> Self {
        let config = if again {
            json!({"encoding": "base64", "skipPreflight": true, "maxRetries": 0})
        } else {
            json!({"encoding": "base64", "preflightCommitment": "processed"})
        };
        Self::new("sendTransaction", json!([base64::encode(wire), config]))
    }
    pub(crate) fn history(
        address: &Pubkey,
        before: Option<&Signature>,
        min_slot: Option<u64>,
        limit: usize,
        level: Level,
    ) -> Self {
        // Absent and null are the same to a node.
        let config = json!({
            "limit": limit, "commitment": level.recorded(),
            "before": before.map(Signature::to_string), "minContextSlot": min_slot,
        });
        Self::new("getSignaturesForAddress", json!([address.to_string(), config]))
    }
    pub(crate) fn transaction(signature: &Signature, level: Level) -> Self {
        let config = json!({
            "encoding": "base64", "commitment": level.recorded(), "maxSupportedTransactionVersion": 0,
        });
        Self::new("getTransaction", json!([signature.to_string(), config]))
    }
    /// What transactions that write these accounts paid lately per compute unit.
    pub(crate) fn unit_prices(written: &[Pubkey]) -> Self {
        Self::new("getRecentPrioritizationFees", json!([spelled(written)]))
    }
    /// What an account of so many bytes must hold to stay.
    pub(crate) fn rent(bytes: u64) -> Self {
        Self::new("getMinimumBalanceForRentExemption", json!([bytes]))
    }
}
