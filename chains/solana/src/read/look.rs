use super::account::{InSlot, RawAccount, states};
use crate::address::CLOCK;
use crate::height::Heights;
use crate::rpc::{Ask, Level, Rpc};
use crate::svm::{Looked, State};
use solana_pubkey::Pubkey;
use std::sync::Arc;
use tollway_core::{Code, Error, Result, Time};

/// The most accounts in one look: a node answers for a hundred, and one of them is the clock.
const ACCOUNTS_MAX: usize = 99;

/// Looks at one chain.
#[derive(Debug)]
pub(crate) struct Looker {
    pub(super) rpc: Rpc,
    pub(super) heights: Arc<Heights>,
}

impl Looker {
    pub(crate) fn new(rpc: Rpc, heights: Arc<Heights>) -> Self {
        Self { rpc, heights }
    }

    pub(crate) async fn look(&self, accounts: &[Pubkey], level: Level) -> Result<Looked> {
        let asks = [question(accounts, level)?, Ask::height(level)];
        let [seen, height] = self.rpc.together(asks).await?;
        self.looked(seen.get()?, height.get()?, accounts.len(), level)
    }

    /// Reads an answer to [`question`], and remembers how high the chain is.
    pub(super) fn looked(
        &self,
        seen: InSlot<Vec<Option<RawAccount>>>,
        height: u64,
        asked: usize,
        level: Level,
    ) -> Result<Looked> {
        let mut accounts = states(seen.value, asked.saturating_add(1))?;
        let clock = accounts.pop().flatten().and_then(|clock| clock_of(&clock));
        let (epoch, time) =
            clock.ok_or_else(|| Error::network(Code::InvalidAnswer).detail("no clock on this chain"))?;
        self.heights.saw(height, seen.context.slot, level);
        Ok(Looked { slot: seen.context.slot, height, epoch, time, accounts })
    }
}

/// The accounts, and the clock as the last of them.
pub(super) fn question(accounts: &[Pubkey], level: Level) -> Result<Ask> {
    if accounts.len() > ACCOUNTS_MAX {
        return Err(Error::caller(Code::TooLarge)
            .detail(format!("{} accounts in one look; {ACCOUNTS_MAX} are the limit", accounts.len())));
    }
    let mut keys = accounts.to_vec();
    keys.push(CLOCK);
    Ok(Ask::accounts(&keys, level))
}

/// Epoch and time of the chain's clock: slot, start of the epoch, epoch, next leader schedule, Unix time, of eight
/// bytes each.
fn clock_of(clock: &State) -> Option<(u64, Time)> {
    let word = |at: usize| -> Option<[u8; 8]> { clock.data.get(at..at.checked_add(8)?)?.try_into().ok() };
    let seconds = u64::try_from(i64::from_le_bytes(word(32)?)).ok()?;
    Some((u64::from_le_bytes(word(16)?), Time::from_secs(seconds)))
}
