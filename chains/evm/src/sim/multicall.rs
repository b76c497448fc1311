//! Many calls in one look, one after another on the same state, as Multicall3 makes them.

use serde::{Deserialize, Serialize};
use tollway_core::Account;
use tollway_testkit::sim::{Ctx, Program, Revert};

/// Which calls.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Calls(pub(super) Vec<(Account, Vec<u8>)>);

/// What each returned, or the words it reverted with; `None` where nothing is deployed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answers(pub(super) Vec<Option<Result<Vec<u8>, String>>>);

/// The contract. A call to an address without code answers nothing, and does not fail.
#[derive(Debug)]
pub(super) struct Multicall {
    /// Who has code.
    pub(super) deployed: Vec<Account>,
}

impl Program for Multicall {
    fn call(&self, ctx: &mut Ctx<'_>, _caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let Calls(calls) = serde_json::from_slice(input).map_err(|e| Revert(e.to_string()))?;
        let mut answers = Vec::with_capacity(calls.len());
        for (to, data) in &calls {
            answers.push(match self.deployed.contains(to) {
                true => Some(ctx.call(to, data).map_err(|Revert(words)| words)),
                false => None,
            });
        }
        serde_json::to_vec(&Answers(answers)).map_err(|e| Revert(e.to_string()))
    }
}
