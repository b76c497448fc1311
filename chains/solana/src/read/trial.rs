use super::account::{InSlot, RawAccount, states};
use super::inner::{self, RawInner};
use super::look::{Looker, question};
use crate::fault::Fault;
use crate::rpc::{Ask, Level};
use crate::svm::{Trial, Tried};
use crate::{PACKET_BYTES_MAX, wire};
use serde::Deserialize;
use serde_json::Value;
use tollway_core::{Code, Error, Result};

/// Accounts whose state a node shows after a trial.
const AFTER_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTried {
    #[serde(default)]
    err: Value,
    #[serde(default)]
    units_consumed: Option<u64>,
    #[serde(default)]
    accounts: Option<Vec<Option<RawAccount>>>,
    #[serde(default)]
    inner_instructions: Option<Vec<RawInner>>,
}

impl Looker {
    /// The accounts as they are, the height, and what the transaction would do: one request.
    pub(crate) async fn attempt(&self, trial: Trial<'_>) -> Result<Tried> {
        if trial.wire.len() > PACKET_BYTES_MAX || trial.after.len() > AFTER_MAX {
            return Err(Error::caller(Code::TooLarge).detail(format!(
                "a trial of {} bytes and {} accounts; {PACKET_BYTES_MAX} and {AFTER_MAX} are the limit",
                trial.wire.len(),
                trial.after.len()
            )));
        }
        let level = Level::Processed;
        let asks = [
            question(trial.before, level)?,
            Ask::height(level),
            Ask::trial(trial.wire, trial.after, trial.inner),
        ];
        let [seen, height, tried] = self.rpc.together(asks).await?;
        let looked = self.looked(seen.get()?, height.get()?, trial.before.len(), level)?;
        let tried: InSlot<RawTried> = tried.get()?;
        let raw = tried.value;
        let keys = wire::Wire::read(trial.wire).map(|wire| wire.accounts()).unwrap_or_default();
        Ok(Tried {
            looked,
            slot: tried.context.slot,
            fault: Fault::read(&raw.err),
            units: raw.units_consumed.unwrap_or(0),
            after: match raw.accounts {
                Some(accounts) if raw.err.is_null() => states(accounts, trial.after.len())?,
                _ => Vec::new(),
            },
            inner: inner::read(raw.inner_instructions.unwrap_or_default(), &keys)?,
        })
    }
}
