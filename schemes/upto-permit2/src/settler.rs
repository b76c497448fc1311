//! The side that charges: verifies by one look, settles by one transaction from the account that the payer named.

use crate::calls::CALLS;
use crate::charged::{fair, receipt_of, settled_otherwise, taken};
use crate::terms::{FACILITATOR, bound};
use crate::verdict;
use alloy::primitives::{Address, U256};
use std::sync::Arc;
use tollway_core::{
    Amount, AssetId, Blame, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Kind, Landed, Name, Order,
    Proof, Purpose, Receipt, Recent, RecordKey, Result, Settler, Site, Version, async_trait,
};
use tollway_evm::address;
use tollway_evm::permit2::{
    Asked, Bound, Coins, Eip2612, Path, Payee, Payees, Permit, Proxy, Reads, Settings, Signed, Sponsored,
    Sponsoring, Stand, Token, key_alone, receipt, soon, sponsor,
};
use tollway_evm::{At, Bounded, Evm, Looked, Mined, Sent, Submit, Trial};

/// Verifies and settles from the accounts of its chain.
pub(crate) struct Settling {
    chain: ChainId,
    evm: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    payees: Payees,
    /// What was to be taken under a key that this process has sent for.
    charges: Recent<RecordKey, u128>,
    /// Tokens that were seen to pay the payee something else than was sent.
    unfair: Recent<Address, ()>,
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
    fn key(&self) -> RecordKey {
        RecordKey(self.permit().replay_key(self.bound.token.asset.chain).0)
    }
    fn asked(&self) -> Asked<'_> {
        // A seller serves for this money, so it must have reached the set finality, and be proven.
        let (permit, timeout_s) = (self.permit(), self.timeout_s);
        Asked { permit, timeout_s, at: At::Final, moved: CALLS.moved, trusting: false }
    }
}

impl Settling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Settler>> {
        Ok(Arc::new(Self {
            chain: site.chain,
            evm: site.chain::<dyn Evm>()?,
            clock: site.clock.clone(),
            settings: site.settings::<Settings>()?.checked()?,
            payees: Payees::default(),
            charges: Recent::new(4_096),
            unfair: Recent::new(64),
        }))
    }

    fn here(&self, order: &Order) -> Result<()> {
        if order.requirement.chain == self.chain {
            return Ok(());
        }
        Err(Error::caller(Code::InvalidNetwork)
            .detail(format!("an order for {}, this cell settles on {}", order.requirement.chain, self.chain)))
    }

    /// The payment, bound to the order, when it is this settler's to charge and worth gas of ours.
    fn worth_gas(&self, order: &Order) -> Result<Bound> {
        let mut bound = bound(order)?;
        self.settings.vouched(&order.requirement).map_err(|e| match e.code {
            Code::UnknownAsset => Error { blame: Blame::Settler, ..e },
            _ => e,
        })?;
        let permit = &bound.signed.permit;
        let named = permit.witness.facilitator.unwrap_or_default();
        if !self.evm.senders().contains(&named) {
            return Err(Error::payer(Code::FacilitatorMismatch).detail(format!(
                "signed for {named} to charge, which is no account of this facilitator's; its {FACILITATOR} would be right"
            )));
        }
        if permit.amount.is_zero() {
            return Err(Error::payer(Code::InvalidAmount).detail("a ceiling of nothing is not worth its gas"));
        }
        if self.unfair.get(&bound.token.address).is_some() {
            return Err(Error::payee(Code::TransferEventMismatch)
                .detail(format!("{} keeps a part of each transfer", bound.token.asset)));
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

    async fn look(&self, bound: &Bound, amount: U256) -> Result<Looked> {
        let (permit, reads) = (&bound.signed.permit, Reads::of(&bound.signed.permit));
        // The proxy asks who calls.
        let caller = permit.witness.facilitator;
        let call = (CALLS.settle)(&bound.signed, amount, handed_in(bound, Path::WithPermit));
        let gas = CALLS.gas_limit(&*self.evm, &bound.token, path_of(&bound.sponsored));
        let calls = if amount.is_zero() { Vec::new() } else { vec![Bounded { call, gas }] };
        let trial = Trial { sender: caller, caller, account: permit.from, reads: reads.into(), calls };
        let tried = self.evm.try_out(&trial).await?;
        key_alone(&tried.code, permit.from)?;
        let mut looked = tried.looked;
        looked.results.extend(tried.calls.into_iter().map(|call| call.result));
        Ok(looked)
    }

    fn submit(&self, checked: &Checked, due: &Due) -> Submit {
        let (bound, path, permit) = (&checked.bound, checked.path, checked.permit());
        let token = &bound.token;
        // Another payment may have made the payee a holder since; gas is learned for what it is now.
        let payee = self.payees.seen(token.address, permit.witness.to).or(checked.payee);
        let amount = U256::from(due.charge().atomic());
        Submit {
            call: (CALLS.settle)(&bound.signed, amount, handed_in(bound, path)),
            value_wei: 0,
            gas_limit: CALLS.gas_limit(&*self.evm, token, path),
            purpose: Purpose::Interactive,
            // Nobody else may charge.
            sender: permit.witness.facilitator,
            not_after: due.verified().terms().settle_before,
            learn: payee.map(|kind| CALLS.gas_key(token.address, path, kind)),
        }
    }

    /// Our transaction is mined: it took the charge, or was made for another one before.
    async fn mined(&self, checked: &Checked, mined: Mined, charge: u128, again: bool) -> Result<Receipt> {
        if !mined.success {
            return self.reverted(checked, mined, Some(charge)).await;
        }
        let bound = &checked.bound;
        self.payees.saw(bound.token.address, checked.permit().witness.to, Payee::Holder);
        let held = fair(bound, &mined, charge);
        if let Err(e) = &held {
            let other = self.charges.get(&checked.key()).is_none_or(|first| first != charge);
            if again || other {
                let found = receipt_of(bound, &mined, taken(bound, &mined)?)?;
                return Err(settled_otherwise(&found, charge));
            }
            if e.code == Code::TransferEventMismatch {
                self.unfair.put(bound.token.address, ());
            }
        }
        held
    }

    /// Our transaction reverted, whatever charge it was for.
    async fn reverted(&self, checked: &Checked, mined: Mined, charge: Option<u128>) -> Result<Receipt> {
        let failed = Error::payer(Code::TransactionFailed)
            .detail(format!("transaction {} reverted", mined.tx))
            .transaction(mined.tx.clone())
            .spent(Amount::new(AssetId::native(self.chain), mined.cost_wei));
        self.overtaken(checked, failed, Some(mined), charge).await
    }

    /// The chain refuses. The permit may have been used before, by this facilitator in another life; for whatever charge
    /// when none is named.
    async fn overtaken(
        &self,
        checked: &Checked,
        why: Error,
        ours: Option<Mined>,
        charge: Option<u128>,
    ) -> Result<Receipt> {
        let (tx, cost_wei) = ours.map_or((None, None), |m| (Some(m.tx), Some(m.cost_wei)));
        match checked.asked().stand(&*self.evm).await {
            Ok(Stand::Settled { tx, amount }) => {
                let charged = crate::charged::amount(&checked.bound, amount)?;
                let found = receipt(checked.permit().from, charged, tx, cost_wei)?;
                match charge.filter(|charge| charged.atomic != *charge) {
                    None => Ok(found),
                    Some(charge) => Err(settled_otherwise(&found, charge)),
                }
            }
            Ok(Stand::Open | Stand::Dead) => Err(why),
            Ok(Stand::Wait) | Err(_) => Err(Error::unknown(why.code, tx).detail(why.detail)),
        }
    }
}

/// The EIP-2612 permit that is handed in on this path.
fn handed_in(bound: &Bound, path: Path) -> Option<&Eip2612> {
    match &bound.sponsored {
        Sponsored::Permit(said) if path == Path::WithPermit => Some(said),
        _ => None,
    }
}

/// How a payment would be settled that nobody has looked at yet.
fn path_of(sponsored: &Sponsored) -> Path {
    match sponsored {
        Sponsored::No => Path::Settle,
        Sponsored::Permit(_) => Path::WithPermit,
        Sponsored::Approval(_) => Path::AfterApproval,
    }
}

/// True for errors by which a chain, or its simulation, refuses; and for a transaction that was given up because its nonce
/// had gone to another one, which nodes that lag behind each other may only have made us believe.
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

#[async_trait]
impl Settler for Settling {
    /// Without a key to send with it still looks, prices and resumes, and offers to settle nothing. Only v2: v1 knows no
    /// `upto`.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        // The same one each time: an offer stands as long as its words do.
        let Some(facilitator) = self.evm.senders().first().copied() else { return Ok(Vec::new()) };
        let extra = Extra::of_pairs(&[(FACILITATOR, &facilitator.to_checksum(None))]);
        Ok(vec![Kind { version: Version::V2, scheme: Name::new(crate::SCHEME)?, chain: self.chain, extra }])
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
                (Signed::decode(payload, Proxy::Upto)?.permit, path_of(&sponsored))
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
        // The ceiling when a payment is verified; what was used when it is settled.
        let amount = U256::from(order.requirement.price.atomic());
        let looked = self.look(&bound, amount).await?;
        let (path, payee) = verdict::of(&bound, amount, &looked)?;
        self.payees.saw(bound.token.address, bound.signed.permit.witness.to, payee);
        let timeout_s = order.requirement.timeout_s;
        let checked = Checked { bound, path, payee: Some(payee), timeout_s };
        Ok(Proof { evidence: Some(Arc::new(checked)), ..Proof::default() })
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let (order, terms, charge) = (due.verified().order(), due.verified().terms(), due.charge());
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
        let (token, permit, key) = (checked.bound.token, *checked.permit(), checked.key());
        if terms.replay.iter().all(|k| k.0 != key.0) {
            return Err(Error::us(Code::Internal).detail("the evidence belongs to another payment"));
        }
        if charge.amount().asset != token.asset || U256::from(charge.atomic()) > permit.amount {
            return Err(Error::us(Code::ChargeExceedsCeiling).detail(format!(
                "{} of at most {}",
                charge.amount(),
                permit.amount
            )));
        }
        if charge.atomic() == 0 {
            return nothing(&checked, self.chain);
        }
        let charge = charge.atomic();
        // What was sent under this key before was for its own charge, whatever this one is.
        let again = self.evm.sent(&key).await? != Sent::Never;
        if !again && self.charges.get(&key).is_none() {
            self.charges.put(key.clone(), charge);
        }
        let coins = match (&checked.bound.sponsored, checked.path, again) {
            (Sponsored::Approval(approval), Path::AfterApproval, false) => {
                sponsor(&*self.evm, approval, &permit, &key).await?
            }
            _ => None,
        };
        let done = match self.evm.send(self.submit(&checked, &due), &key).await {
            Ok(mined) => self.mined(&checked, mined, charge, again).await,
            Err(e) if !e.is_unknown_outcome() && refused_by_chain(&e) => {
                self.overtaken(&checked, e, None, Some(charge)).await
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
            signed: Signed::decode(&order.payment.payload, Proxy::Upto)?,
            sponsored: Sponsored::No,
        };
        let timeout_s = order.requirement.timeout_s;
        let checked = Checked { bound, path: Path::Settle, payee: None, timeout_s };
        let later = || Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) };
        let settled = |receipt| Fate::Settled(Box::new(receipt));
        match self.evm.sent(&checked.key()).await? {
            // What was charged is in the transaction, and nowhere else.
            Sent::Mined(mined) if mined.success => {
                let taken = taken(&checked.bound, &mined)?;
                return receipt_of(&checked.bound, &mined, taken).map(settled);
            }
            Sent::Pending(_) => return Ok(later()),
            Sent::Mined(mined) => {
                return match self.reverted(&checked, *mined, None).await {
                    Err(e) if e.is_unknown_outcome() => Ok(later()),
                    done => done.map(settled),
                };
            }
            Sent::Never => {}
        }
        Ok(match checked.asked().stand(&*self.evm).await? {
            Stand::Settled { tx, amount } => {
                let charged = crate::charged::amount(&checked.bound, amount)?;
                settled(receipt(checked.permit().from, charged, tx, None)?)
            }
            Stand::Dead => Fate::Dead,
            Stand::Open => Fate::Open { cancel: None },
            Stand::Wait => later(),
        })
    }
}

/// A charge of nothing is settled by nothing.
fn nothing(checked: &Checked, chain: ChainId) -> Result<Receipt> {
    Ok(Receipt {
        landed: Landed::Nothing,
        charged: Amount::zero(checked.bound.token.asset),
        payer: Some(address::account(chain, &checked.permit().from)?),
        chain,
        spent: None,
        extra: Extra::default(),
    })
}
