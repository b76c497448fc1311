//! Sending at most once per key: the journal first, the chain after.
//!
//! A send writes three records in one step: the sender's next nonce, the transaction under the caller's key, and the
//! transaction under its nonce, so that one that was journaled and never sent does not block those after it.

use super::api::{Mined, Sent, Submit};
use super::block::most;
use super::fees::tip;
use super::node::SimNode;
use super::tx::Tx;
use std::sync::atomic::Ordering;
use tollway_core::{Account, Blame, Code, Error, Next, Record, RecordKey, Result, TxId, Write};

/// How often the journal is tried to be written when others write beside it.
const TRIES_MAX: u32 = 64;
/// How many transactions before ours are sent again at once.
const GAP_MAX: usize = 64;

/// Where a transaction stands.
enum Standing {
    Final(Box<Mined>),
    /// In a block that a reorg can reach, or in the pool; `behind` a transaction of the sender that is missing there.
    Waits {
        behind: bool,
    },
    Unseen,
    /// Another transaction of the sender has its nonce, for good.
    Displaced,
}

impl SimNode {
    pub(super) async fn send_once(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let tx = match self.journaled(key).await.map_err(perhaps_sent)? {
            Some(tx) => tx,
            None => self.journal(submit, key).await?,
        };
        self.follow(&tx).await
    }

    pub(super) async fn what_became_of(&self, key: &RecordKey) -> Result<Sent> {
        let Some(tx) = self.journaled(key).await? else { return Ok(Sent::Never) };
        Ok(match self.standing(&tx).await? {
            Standing::Final(mined) => Sent::Mined(mined),
            Standing::Waits { behind: false } => Sent::Pending(tx.id),
            Standing::Displaced => return Err(displaced(&tx)),
            Standing::Waits { behind: true } | Standing::Unseen => {
                self.send_again(&tx).await;
                Sent::Pending(tx.id)
            }
        })
    }

    /// After a restart: sends everything again that was journaled and is not final. Returns how many transactions.
    ///
    /// # Errors
    /// The ledger's or the node's; it can be called again.
    pub async fn recover(&self) -> Result<usize> {
        let mut again = 0usize;
        for sender in &self.senders {
            for tx in self.open(sender).await? {
                self.send_raw(&tx).await;
                again = again.saturating_add(1);
            }
        }
        Ok(again)
    }

    /// Waits until it is final; sends it again whenever the chain does not know it.
    async fn follow(&self, tx: &Tx) -> Result<Mined> {
        let deadline = self.now().plus_ms(self.patience_ms);
        loop {
            match self.standing(tx).await {
                Ok(Standing::Final(mined)) => return Ok(*mined),
                Ok(Standing::Displaced) => return Err(displaced(tx)),
                Ok(Standing::Waits { behind: true } | Standing::Unseen) => self.send_again(tx).await,
                Ok(Standing::Waits { behind: false }) | Err(_) => {}
            }
            if self.now() >= deadline {
                return Err(Error::unknown(Code::TimedOut, Some(tx.id.clone())).detail("it is not final yet"));
            }
            self.chain.clock.sleep(u64::from(self.chain.settings().block_ms)).await;
        }
    }

    async fn standing(&self, tx: &Tx) -> Result<Standing> {
        self.ask(|chain, back| {
            let mut inner = chain.caught_up();
            let head = inner.number.saturating_sub(back);
            let finality = u64::from(chain.settings().finality);
            if let Some(mined) = inner.mined.get(&tx.id).filter(|m| m.block <= head) {
                let done = head.saturating_sub(mined.block) >= finality;
                return Ok(if done {
                    Standing::Final(Box::new(mined.clone()))
                } else {
                    Standing::Waits { behind: false }
                });
            }
            // Only a nonce that is used now can have been used for good: looking behind is not free.
            if inner.state.nonce(&tx.from) > tx.nonce && !inner.mined.contains_key(&tx.id) {
                let deep = inner.behind(finality.max(back), |inner, _| inner.state.nonce(&tx.from));
                if deep > tx.nonce {
                    return Ok(Standing::Displaced);
                }
            }
            let waits = inner.pool.iter().any(|w| w.tx.id == tx.id);
            // Behind others that wait too, it waits; behind one that is missing, it would wait for ever.
            let next = inner.state.nonce(&tx.from);
            let behind =
                next < tx.nonce && !inner.pool.iter().any(|w| w.tx.from == tx.from && w.tx.nonce == next);
            Ok(if waits { Standing::Waits { behind } } else { Standing::Unseen })
        })
        .await
    }

    /// Ours, and everything of the same sender that must come before it.
    async fn send_again(&self, tx: &Tx) {
        for before in self.open(&tx.from).await.unwrap_or_default() {
            if before.nonce < tx.nonce {
                self.send_raw(&before).await;
            }
        }
        self.send_raw(tx).await;
    }

    /// What comes back does not matter: only the chain says what became of it.
    async fn send_raw(&self, tx: &Tx) {
        let _ = self.ask(|chain, _| chain.broadcast(tx.clone())).await;
    }

    /// Journaled transactions of a sender from its present nonce on.
    async fn open(&self, sender: &Account) -> Result<Vec<Tx>> {
        let nonce = self.ask(|chain, _| Ok(chain.caught_up().state.nonce(sender))).await?;
        let room = self.room(sender);
        let after = nonce.checked_sub(1).map(|last| place(&room, last));
        let records = self.ledger.scan(&room, after.as_ref(), GAP_MAX).await?;
        records.iter().map(read).collect()
    }

    async fn journaled(&self, key: &RecordKey) -> Result<Option<Tx>> {
        self.ledger.load(key).await?.as_ref().map(read).transpose()
    }

    /// Writes a transaction down, or finds the one that somebody wrote down under the same key meanwhile. After an
    /// error whose outcome is known there is none.
    async fn journal(&self, submit: Submit, key: &RecordKey) -> Result<Tx> {
        let from = self.choose(&submit)?;
        for _ in 0..TRIES_MAX {
            if self.now() > submit.not_after {
                return Err(Error::new(Code::Expired, Blame::Settler, Next::Never)
                    .detail("too late to send it for the first time; nothing was sent"));
            }
            let (writes, tx) = self.draft(&submit, from, key).await?;
            let Err(why) = self.ledger.store(&writes).await else { return Ok(tx) };
            // Whatever it says, the journal may have been written; only the journal knows.
            match self.journaled(key).await.map_err(perhaps_sent)? {
                Some(tx) => return Ok(tx),
                None if why.code == Code::Conflict => {}
                None => return Err(why),
            }
        }
        Err(Error::us(Code::Conflict).next(Next::Later).detail("too many others journal beside us"))
    }

    async fn draft(&self, submit: &Submit, from: Account, key: &RecordKey) -> Result<(Vec<Write>, Tx)> {
        let counter = RecordKey(format!("sim/{}/next/{}", self.chain.id(), from.address()));
        let known = self.ledger.load(&counter).await?;
        let next = known.as_ref().and_then(|r| r.value.parse().ok()).unwrap_or(0u64);
        let fees = self.chain.settings().fees;
        let tip = tip(&fees, submit.purpose);
        let tx = self
            .ask(|chain, _| {
                let inner = chain.caught_up();
                let nonce = next.max(inner.state.nonce(&from));
                let tx = Tx::new(from, nonce, submit.call.clone(), submit.gas_limit, tip);
                if inner.state.balance(&chain.coin(), &from) < most(&tx, inner.base_fee, &fees) {
                    return Err(Error::new(Code::InsufficientFunds, Blame::Settler, Next::Later)
                        .detail(format!("{from} cannot pay for the gas; nothing was sent")));
                }
                Ok(tx)
            })
            .await?;
        let text = serde_json::to_string(&tx)
            .map_err(|e| Error::us(Code::Internal).detail(format!("a transaction cannot be written: {e}")))?;
        let new = |key, value| Write { key, expect: None, value: Some(value) };
        let count = tx.nonce.saturating_add(1).to_string();
        let writes = vec![
            Write { key: counter, expect: known.map(|r| r.version), value: Some(count) },
            new(key.clone(), text.clone()),
            new(place(&self.room(&from), tx.nonce), text),
        ];
        Ok((writes, tx))
    }

    /// Whoever the call names, or the next in turn.
    fn choose(&self, submit: &Submit) -> Result<Account> {
        if let Some(named) = submit.call.from {
            return self.senders.contains(&named).then_some(named).ok_or_else(|| {
                Error::caller(Code::NoSigner).detail(format!("this node does not send for {named}"))
            });
        }
        let count = u64::try_from(self.senders.len()).unwrap_or(u64::MAX);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(count).unwrap_or(0);
        let sender = usize::try_from(turn).ok().and_then(|at| self.senders.get(at));
        sender.copied().ok_or_else(|| Error::caller(Code::NoSigner).detail("this node sends for nobody"))
    }

    fn room(&self, sender: &Account) -> String {
        format!("sim/{}/tx/{}/", self.chain.id(), sender.address())
    }
}

/// Keys sort as text, so a number takes its full width.
fn place(room: &str, nonce: u64) -> RecordKey {
    RecordKey(format!("{room}{nonce:020}"))
}

fn read(record: &Record) -> Result<Tx> {
    serde_json::from_str(&record.value)
        .map_err(|_| Error::us(Code::Internal).detail(format!("record {} is no transaction", record.key)))
}

/// Nobody could look, so an earlier call may have sent it.
fn perhaps_sent(e: Error) -> Error {
    Error { blame: Blame::Us, next: Next::Unknown(None), ..e }
}

fn displaced(tx: &Tx) -> Error {
    let TxId(id) = &tx.id;
    Error::network(Code::TransactionFailed)
        .next(Next::Never)
        .detail(format!("another transaction took the nonce of {id}; this one never will be in a block"))
}
