use super::account::InSlot;
use crate::fault::Fault;
use crate::finality::Finality;
use crate::rpc::{Ask, Rpc};
use crate::svm::Status;
use serde::Deserialize;
use serde_json::Value;
use solana_signature::Signature;
use tollway_core::{Code, Error, Result};

/// Signatures that a node answers for at once.
pub(crate) const STATUSES_MAX: usize = 256;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawStatus {
    pub(crate) slot: u64,
    /// Blocks on top; `None` once it is rooted.
    #[serde(default)]
    pub(crate) confirmations: Option<u32>,
    #[serde(default)]
    err: Value,
    #[serde(default)]
    confirmation_status: Option<String>,
}

impl RawStatus {
    pub(crate) fn status(&self, finality: Finality) -> Status {
        // Old nodes do not name the level; without confirmations it is rooted.
        let level = self.confirmation_status.as_deref().unwrap_or(match self.confirmations {
            None => "finalized",
            Some(_) => "processed",
        });
        Status { slot: self.slot, fault: Fault::read(&self.err), done: finality.reached(level) }
    }
}

/// Where transactions stand, in the order asked, and the slot that the answering node is at.
pub(crate) async fn statuses(
    rpc: &Rpc,
    signatures: &[Signature],
    history: bool,
) -> Result<(u64, Vec<Option<RawStatus>>)> {
    if signatures.len() > STATUSES_MAX {
        return Err(Error::caller(Code::TooLarge)
            .detail(format!("{} signatures at once; {STATUSES_MAX} are the limit", signatures.len())));
    }
    if signatures.is_empty() {
        return Ok((0, Vec::new()));
    }
    let answer: InSlot<Vec<Option<RawStatus>>> = rpc.call(Ask::statuses(signatures, history)).await?;
    if answer.value.len() != signatures.len() {
        return Err(Error::network(Code::InvalidAnswer).detail(format!(
            "{} statuses instead of {}",
            answer.value.len(),
            signatures.len()
        )));
    }
    Ok((answer.context.slot, answer.value))
}
