//! Accounts as nodes spell them.

use crate::svm::State;
use crate::{address, base64};
use serde::Deserialize;
use tollway_core::{Code, Error, Result};

/// An answer and the slot that it is about.
#[derive(Debug, Deserialize)]
pub(crate) struct InSlot<T> {
    pub(crate) context: Slot,
    pub(crate) value: T,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Slot {
    pub(crate) slot: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RawAccount {
    pub(crate) lamports: u64,
    owner: String,
    #[serde(default)]
    executable: bool,
    /// The data, and how it is encoded.
    data: (String, String),
}

impl RawAccount {
    pub(crate) fn state(self) -> Result<State> {
        let (data, encoding) = self.data;
        if encoding != "base64" {
            return Err(Error::network(Code::InvalidAnswer).detail(format!("account data as {encoding:.16}")));
        }
        let owner = address::parse(&self.owner)
            .map_err(|e| Error::network(Code::InvalidAnswer).detail(&*e.detail))?;
        Ok(State {
            owner,
            lamports: self.lamports,
            executable: self.executable,
            data: base64::decode(&data)?,
        })
    }
}

/// All of them, in order; as many as were asked for.
pub(super) fn states(raw: Vec<Option<RawAccount>>, expected: usize) -> Result<Vec<Option<State>>> {
    if raw.len() != expected {
        return Err(Error::network(Code::InvalidAnswer)
            .detail(format!("{} accounts instead of {expected}", raw.len())));
    }
    raw.into_iter().map(|account| account.map(RawAccount::state).transpose()).collect()
}
