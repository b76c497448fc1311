use super::ask;
use super::network::{FaultyNetwork, lost};
use super::plan::{Remembered, Trouble};
use crate::sim::{At, EventQuery, Mined, Sent, Sim, SimCall, SimEvent, SimKey, Submit, Viewed};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{
    Account, AssetId, Code, Error, Funds, Next, RecordKey, Result, Sample, Time, TxId, async_trait,
};

/// What was seen of a simulated chain, and which keys were sent under.
#[derive(Debug, Default)]
pub(super) struct Looks {
    times: Remembered<bool, (u64, Time)>,
    views: Remembered<(Option<Account>, Account, Vec<u8>, bool), Viewed>,
    events: Remembered<(Account, Option<String>, Time, Time), Vec<SimEvent>>,
    mined: Remembered<TxId, Option<Mined>>,
    funds: Remembered<(Account, AssetId), Funds>,
    begun: Mutex<BTreeSet<RecordKey>>,
}

impl Looks {
    fn begun(&self, key: &RecordKey) -> bool {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }
    fn begin(&self, key: &RecordKey) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
    }
}

impl<S: Sim + ?Sized> FaultyNetwork<S> {
    /// A failure before sending is definite only when nobody has sent under that key.
    async fn refuse(&self, key: &RecordKey) -> Error {
        let before = match self.looks.begun(key) {
            true => None,
            false => self.inner.sent(key).await.ok(),
        };
        // Somebody may have begun while we looked.
        match before {
            Some(Sent::Never) if !self.looks.begun(key) => lost().detail("not sent: the node did not answer"),
            Some(Sent::Pending(tx)) => Error::unknown(Code::TimedOut, Some(tx)),
            Some(Sent::Mined(mined)) => Error::unknown(Code::TimedOut, Some(mined.tx)),
            _ => Error::unknown(Code::TimedOut, None),
        }
    }
}

/// Reads as for [`FaultyNetwork`]. `send` keeps its promise: an error that is not unknown means that nothing was sent under
/// the key; a lost answer is an unknown outcome, and names the transaction. `sent` is never stale.
#[async_trait]
impl<S: Sim + ?Sized> Sim for FaultyNetwork<S> {
    async fn chain_time(&self, at: At) -> Result<(u64, Time)> {
        ask!(self.faults, self.looks.times, at == At::Final, lost(), self.inner.chain_time(at))
    }
    async fn view(&self, call: &SimCall, at: At) -> Result<Viewed> {
        let key = (call.from, call.to, call.input.clone(), at == At::Final);
        ask!(self.faults, self.looks.views, key, lost(), self.inner.view(call, at))
    }
    async fn events(&self, query: &EventQuery) -> Result<Vec<SimEvent>> {
        let key = (query.program, query.topic.clone(), query.since, query.until);
        ask!(self.faults, self.looks.events, key, lost(), self.inner.events(query))
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        ask!(self.faults, self.looks.mined, tx.clone(), lost(), self.inner.mined(tx))
    }
    async fn funds(&self, owner: &Account, asset: &AssetId) -> Result<Funds> {
        ask!(self.faults, self.looks.funds, (*owner, *asset), lost(), self.inner.funds(owner, asset))
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let trouble = self.faults.trouble();
        if self.faults.before().await || trouble == Some(Trouble::Refused) {
            return Err(self.refuse(key).await);
        }
        self.looks.begin(key);
        if self.faults.twice() {
            let _ = self.inner.send(submit.clone(), key).await;
        }
        let mined = self.inner.send(submit, key).await;
        if self.faults.after().await || trouble == Some(Trouble::AnswerLost) {
            let tx = match &mined {
                Ok(mined) => Some(mined.tx.clone()),
                Err(Error { next: Next::Unknown(tx), .. }) => tx.clone(),
                Err(_) => None,
            };
            return Err(Error::unknown(Code::TimedOut, tx).detail("the answer was lost"));
        }
        mined
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        if self.faults.before().await {
            return Err(lost());
        }
        if self.faults.twice() {
            let _ = self.inner.sent(key).await;
        }
        let sent = self.inner.sent(key).await;
        if self.faults.after().await { Err(lost()) } else { sent }
    }
    fn sample(&self, call: &SimCall) -> Sample {
        self.inner.sample(call)
    }
    fn signed_by(&self, who: &Account, message: &[u8], signature: &[u8]) -> bool {
        self.inner.signed_by(who, message, signature)
    }
    fn senders(&self) -> Vec<Account> {
        self.inner.senders()
    }
    fn signer(&self) -> Result<Arc<SimKey>> {
        self.inner.signer()
    }
}
