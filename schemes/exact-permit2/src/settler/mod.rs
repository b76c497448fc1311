//! The side that puts the payment on chain.

mod verdict;

use crate::proxy::CALLS;
use crate::settings::Settings;
use crate::terms::bound;
use alloy::primitives::U256;
use std::sync::Arc;
use tollway_core::{
    Amount, AssetId, Blame, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Kind, Name, Next, Order,
    Proof, Purpose, Receipt, RecordKey, Result, Settler, Site, TxId, Version, async_trait,
};
use tollway_evm::permit2::{
    Asked, Bound, Coins, Path, Payee, Payees, Permit, Reads, Settings as Shared, Signed, Sponsored,
    Sponsoring, Stand, Token, key_alone, moved, receipt, soon, sponsor,
};
use tollway_evm::{At, Bounded, Evm, Mined, Sent, Submit, Trial, address};

/// Verifies by one look, settles by one transaction.
pub(crate) struct Settling {
    chain: ChainId,
    evm: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
    settings: Shared,
    payees: Payees,
}

/// What verification leaves for settlement: nothing is parsed twice.
#[derive(Debug, Clone)]
struct Checked {
    bound: Bound,
    path: Path,
    payee: Option<Payee>,
    timeout_s: u64,
}

impl Checked {
    fn permit(&self) -> &Permit {
        &self.bound.signed.permit
    }
    fn asked(&self) -> Asked<'_> {
        // A seller serves for this money, so it must have reached the set finality, and it must be proven to be this.
        Asked {
            permit: self.permit(),
            timeout_s: self.timeout_s,
            at: At::Final,
            moved: CALLS.moved,
            trusting: false,
        }
    }
    fn key(&self) -> RecordKey {
        RecordKey(self.permit().replay_key(self.bound.token.asset.chain).0)
    }
    /// What somebody's transaction moved: all that was permitted, or it is no payment.
    fn settled(&self, (tx, amount): (TxId, U256), cost_wei: Option<u128>) -> Result<Receipt> {
        if amount == self.permit().amount {
            return self.receipt(tx, cost_wei);
        }
        let words = format!("{tx} moved {amount} atomic units of {}", self.permit().amount);
        Err(Error::unknown(Code::ValueMismatch, Some(tx)).detail(words))
    }
    fn receipt(&self, tx: TxId, cost_wei: Option<u128>) -> Result<Receipt> {
        let value = u128::try_from(self.permit().amount)
            .map_err(|_| Error::us(Code::Internal).detail("an amount above 128 bits was never asked"))?;
        receipt(self.permit().from, Amount::new(self.bound.token.asset, value), tx, cost_wei)
    }
}

impl Settling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Settler>> {
        Ok(Arc::new(Self {
            chain: site.chain,
            evm: site.chain::<dyn Evm>()?,
            clock: site.clock.clone(),
            settings: site.settings::<Settings>()?.permit2.checked()?,
            payees: Payees::default(),
        }))
    }

    fn gas(&self, wei: u128) -> Amount {
        Amount::new(AssetId::native(self.chain), wei)
    }

    fn here(&self, order: &Order) -> Result<()> {
        if order.requirement.chain == self.chain {
            return Ok(());
        }
        Err(Error::caller(Code::InvalidNetwork)
            .detail(format!("an order for {}, this cell settles on {}", order.requirement.chain, self.chain)))
    }

    /// The payment, bound to the order, when it is worth gas of ours. Whoever sends one chooses the token's contract and
    /// with it what our gas does, so it takes somebody's word for the token; and a transfer of nothing pays nobody.
    fn worth_gas(&self, order: &Order) -> Result<Bound> {
        let mut bound = bound(order)?;
        self.settings.vouched(&order.requirement).map_err(|e| match e.code {
            Code::UnknownAsset => Error { blame: Blame::Settler, ..e },
            _ => e,
        })?;
        if bound.signed.permit.amount.is_zero() {
            return Err(
                Error::payer(Code::InvalidAmount).detail("a transfer of nothing is not worth its gas")
            );
        }
        // What is not sponsored here is as good as not there.
        let how = match &bound.sponsored {
            Sponsored::No => None,
            Sponsored::Permit(_) => Some(Sponsoring::Eip2612),
            Sponsored::Approval(_) => Some(Sponsoring::Erc20Approval),
        };
        if how.is_some_and(|how| !self.settings.sponsors(how)) {
            bound.sponsored = Sponsored::No;
        }
        Ok(bound)
    }

    /// Our transaction is mined. A reverted one may have lost to somebody who sent the same payment before us.
    async fn mined(&self, checked: &Checked, mined: Mined) -> Result<Receipt> {
        let (token, said) = (checked.bound.token.address, checked.permit());
        if !mined.success {
            let failed = Error::payer(Code::TransactionFailed)
                .detail(format!("transaction {} reverted", mined.tx))
                .transaction(mined.tx.clone())
                .spent(self.gas(mined.cost_wei));
            return self.overtaken(checked, failed, Some(mined)).await;
        }
        let arrived = moved(&mined.logs, token, said.from, said.witness.to);
        if arrived != Some(said.amount) {
            return Err(Error::new(Code::TransferEventMismatch, Blame::Payee, Next::Never)
                .detail(format!(
                    "transaction {} succeeded, and the token {token} says that {} of {} went from {} to {}",
                    mined.tx,
                    arrived.unwrap_or_default(),
                    said.amount,
                    said.from,
                    said.witness.to
                ))
                .transaction(mined.tx)
                .spent(self.gas(mined.cost_wei)));
        }
        self.payees.saw(token, said.witness.to, Payee::Holder);
        checked.receipt(mined.tx, Some(mined.cost_wei))
    }

    /// Anybody may send a payment, so a used nonce may mean that this very payment is settled. While that cannot be
    /// told, the outcome is unknown: the chain refused us, most likely because the money has moved.
    async fn overtaken(&self, checked: &Checked, why: Error, ours: Option<Mined>) -> Result<Receipt> {
        let (tx, cost_wei) = ours.map_or((None, None), |m| (Some(m.tx), Some(m.cost_wei)));
        match checked.asked().stand(&*self.evm).await {
            Ok(Stand::Settled { tx, amount }) => checked.settled((tx, amount), cost_wei),
            Ok(Stand::Open | Stand::Dead) => Err(why),
            Ok(Stand::Wait) | Err(_) => Err(Error::unknown(why.code, tx).detail(why.detail)),
        }
    }

    fn submit(&self, checked: &Checked, due: &Due) -> Submit {
        let (token, permit) = (&checked.bound.token, checked.permit());
        let handed_in = match (&checked.bound.sponsored, checked.path) {
            (Sponsored::Permit(said), Path::WithPermit) => Some(said),
            _ => None,
        };
        // Another payment may have made the payee a holder since; gas is learned for what it is now.
        let payee = self.payees.seen(token.address, permit.witness.to).or(checked.payee);
        Submit {
            call: (CALLS.settle)(&checked.bound.signed, permit.amount, handed_in),
            value_wei: 0,
            gas_limit: CALLS.gas_limit(&*self.evm, token, checked.path),
            purpose: Purpose::Interactive,
            sender: None,
            not_after: due.verified().terms().settle_before,
            learn: payee.map(|kind| CALLS.gas_key(token.address, checked.path, kind)),
        }
    }
}

/// True for errors by which a chain, or its simulation, refuses a transfer; and for a transaction that was given up
/// because its nonce had gone to another one, which nodes that lag behind each other may only have made us believe.
fn refused_by_chain(e: &Error) -> bool {
    matches!(
        e.code,
        Code::NonceUsed
            | Code::SimulationFailed
            | Code::TransactionFailed
            | Code::RpcRefused
            | Code::Conflict
    )
}

/// How a payment would be settled that nobody has looked at yet.
fn path_of(sponsored: &Sponsored) -> Path {
    match sponsored {
        Sponsored::No => Path::Settle,
        Sponsored::Permit(_) => Path::WithPermit,
        Sponsored::Approval(_) => Path::AfterApproval,
    }
}

#[async_trait]
impl Settler for Settling {
    /// Without a key to send with it still looks, prices and resumes, and offers to settle nothing. Permit2 is spoken on
    /// the v2 wire alone.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        if self.evm.senders().is_empty() {
            return Ok(Vec::new());
        }
        let scheme = Name::new(crate::SCHEME)?;
        Ok(vec![Kind { version: Version::V2, scheme, chain: self.chain, extra: Extra::default() }])
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.here(order)?;
        let token = Token::of(&order.requirement)?;
        // A seller asks before anybody has paid: its payload is empty, and a specimen stands in.
        let payload = &order.payment.payload;
        let (permit, path) = match payload.is_empty() {
            true => (CALLS.specimen(token.address), Path::Settle),
            false => {
                let sponsored = Sponsored::of(&order.payment)?;
                (Signed::decode(payload, CALLS.proxy)?.permit, path_of(&sponsored))
            }
        };
        let pay_to = address::parse(order.requirement.pay_to.address())?;
        let payee = self.payees.kind(&*self.evm, token.address, pay_to).await?;
        let sample = CALLS.sample(&*self.evm, &token, path, &permit);
        Ok(CALLS.effort(&*self.evm, &token, path, payee, sample))
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.here(order)?;
        let bound = self.worth_gas(order)?;
        let permit = &bound.signed.permit;
        let handed_in = match &bound.sponsored {
            Sponsored::Permit(said) => Some(said),
            _ => None,
        };
        // The payment comes behind the questions, and what the payee then holds behind that: the calls of one look may run
        // one after another on the same state.
        let simulated = (CALLS.settle)(&bound.signed, permit.amount, handed_in);
        let calls = [simulated, Reads::after(permit)];
        let gas = CALLS.gas_limit(&*self.evm, &bound.token, path_of(&bound.sponsored));
        let trial = Trial {
            sender: self.evm.senders().first().copied(),
            caller: None,
            account: permit.from,
            reads: Reads::of(permit).into(),
            calls: calls.map(|call| Bounded { call, gas }).into(),
        };
        let tried = self.evm.try_out(&trial).await?;
        key_alone(&tried.code, permit.from)?;
        let mut looked = tried.looked;
        looked.results.extend(tried.calls.into_iter().map(|call| call.result));
        let (path, payee) = verdict::of(&bound, &looked)?;
        self.payees.saw(permit.token, permit.witness.to, payee);
        let timeout_s = order.requirement.timeout_s;
        let checked = Checked { bound, path, payee: Some(payee), timeout_s };
        Ok(Proof { evidence: Some(Arc::new(checked)), ..Proof::default() })
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let order = due.verified().order();
        self.here(order)?;
        let checked = match due.verified().evidence::<Checked>() {
            Some(checked) => checked.clone(),
            // Verified by somebody else, settled by us.
            None => {
                let bound = self.worth_gas(order)?;
                let path = path_of(&bound.sponsored);
                Checked { bound, path, payee: None, timeout_s: order.requirement.timeout_s }
            }
        };
        let permit = checked.permit();
        if U256::from(due.charge().atomic()) != permit.amount {
            return Err(Error::caller(Code::ValueMismatch).detail(format!(
                "exact takes the very amount that was signed, {}; the charge is {}",
                permit.amount,
                due.charge().atomic()
            )));
        }
        let key = checked.key();
        if due.verified().terms().replay.iter().all(|k| k.0 != key.0) {
            return Err(Error::us(Code::Internal).detail("the evidence belongs to another payment"));
        }
        let coins = match (&checked.bound.sponsored, checked.path) {
            (Sponsored::Approval(approval), Path::AfterApproval) => {
                sponsor(&*self.evm, approval, permit, &key).await?
            }
            _ => None,
        };
        let done = match self.evm.send(self.submit(&checked, &due), &key).await {
            Ok(mined) => self.mined(&checked, mined).await,
            Err(e) if !e.is_unknown_outcome() && refused_by_chain(&e) => {
                self.overtaken(&checked, e, None).await
            }
            Err(e) => Err(e),
        };
        Coins::and(coins, self.chain, done)
    }

    async fn resume(&self, order: &Order) -> Result<Fate> {
        self.here(order)?;
        // Decoded, not judged again: what was sent was sent, whatever a newer table of tokens would say of it.
        let bound = Bound {
            token: Token::of(&order.requirement)?,
            signed: Signed::decode(&order.payment.payload, CALLS.proxy)?,
            sponsored: Sponsored::No,
        };
        let timeout_s = order.requirement.timeout_s;
        let checked = Checked { bound, path: Path::Settle, payee: None, timeout_s };
        let settled = |receipt| Fate::Settled(Box::new(receipt));
        let later = || Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) };
        Ok(match self.evm.sent(&checked.key()).await? {
            Sent::Mined(mined) => match self.mined(&checked, *mined).await {
                Err(e) if e.is_unknown_outcome() => later(),
                done => settled(done?),
            },
            Sent::Pending(_) => later(),
            Sent::Never => match checked.asked().stand(&*self.evm).await? {
                Stand::Settled { tx, amount } => settled(checked.settled((tx, amount), None)?),
                Stand::Dead => Fate::Dead,
                Stand::Open => Fate::Open { cancel: None },
                Stand::Wait => later(),
            },
        })
    }
}
