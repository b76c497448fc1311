//! The settler's side of a cell over Permit2: all but its kinds and what it may be asked to charge.
//!
//! | file | what is there |
//! |---|---|
//! | `mod` | what a payment must be to be worth gas; verifying, settling, resuming |
//! | `trial` | the look before gas is spent: does it go through, who judged the signature, at what gas |
//! | `judge` | who judges signatures, and what their gas is learned by |
//! | `send` | one transaction, whatever has to come before it |
//! | `sought` | what verification leaves, and what is asked for later |
//! | `outcome` | what became of a transaction, or of somebody else's |
//! | `charged` | what a transaction took, held against what was to be taken |

mod charged;
mod judge;
mod outcome;
mod send;
mod sought;
mod trial;

use super::coins::Untold;
use super::effort::NOISE;
use super::sponsor::left_over;
use super::{
    Bound, Calls, Path, Payees, Permit, Proxy, Settings, Signed, Sponsored, Sponsoring, Token, soon,
};
use crate::signature::{Check, veiled};
use crate::trial::presented;
use crate::{Evm, Sent, address};
use alloy::primitives::{Address, B256, U256};
use judge::Judge;
use sought::{Checked, Sought, path_of};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Amount, AssetId, Blame, ChainId, Clock, Code, Due, Effort, Error, Extra, Fate, Landed, Order, Proof,
    Receipt, Recent, RecordKey, Result, Sample, Site,
};
use trial::{Found, handed_in};

/// Verifies and settles payments of one cell on one chain.
pub struct Till {
    chain: ChainId,
    evm: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    calls: Calls,
    read: fn(&Order) -> Result<Bound>,
    payees: Payees,
    /// What verified payments will use, by what was presented, so that an effort is told without I/O.
    measured: Recent<B256, Found>,
    /// What was to be taken under a key that this process has sent for, where that may be less than was signed.
    charges: Recent<RecordKey, u128>,
    /// Tokens that were seen to pay the payee something else than was sent.
    unfair: Recent<Address, ()>,
    /// Coins for approvals whose cost nobody was told yet.
    untold: Untold,
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Till({:?} on {})", self.calls.proxy, self.chain)
    }
}

impl Till {
    /// For one cell, on one chain; `read` is what the cell makes of an order.
    ///
    /// # Errors
    /// When the chain is no EVM chain; [`Code::BadSettings`].
    pub fn new(
        site: &Site,
        settings: Settings,
        calls: Calls,
        read: fn(&Order) -> Result<Bound>,
    ) -> Result<Self> {
        Ok(Self {
            chain: site.chain,
            evm: site.chain::<dyn Evm>()?,
            clock: site.clock.clone(),
            settings: settings.checked()?,
            calls,
            read,
            payees: Payees::default(),
            measured: Recent::new(1_024),
            charges: Recent::new(4_096),
            unfair: Recent::new(64),
            untold: Untold::default(),
        })
    }

    /// Where it settles.
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The accounts that it settles from; empty when it only looks, prices and resumes.
    pub fn senders(&self) -> Vec<Address> {
        self.evm.senders()
    }

    /// What time it is there.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The extensions that it acts on.
    pub fn extensions(&self) -> Vec<String> {
        self.settings.offered()
    }

    /// What settling an order will do on chain. A payment that was looked at is told without I/O.
    ///
    /// # Errors
    /// Those of reading, and of asking for the payee.
    pub async fn effort(&self, order: &Order) -> Result<Effort> {
        self.here(order)?;
        let (token, payload) = (Token::of(&order.requirement)?, &order.payment.payload);
        // A seller asks before anybody has paid: its payload is empty, and a specimen stands in.
        if payload.is_empty() {
            let signed = self.calls.specimen(token.address);
            return self.estimate(order, &token, &signed, Path::Settle, Judge::Key).await;
        }
        let signed = Signed::decode(payload, self.calls.proxy)?;
        let sponsored = Sponsored::of(&order.payment)?;
        let found = self.measured.get(&presented(order));
        let path = found.map_or_else(|| path_of(&sponsored), |found| found.path);
        let sample = |judge| self.sample(&token, path, &signed, judge);
        let mut effort = match found.map(|found| (found, found.gas)) {
            None => self.untried(order, &token, &signed, &sponsored).await?,
            Some((found, None)) => self.estimate(order, &token, &signed, path, found.judge).await?,
            Some((found, Some(gas))) => match found.judge {
                // What is learned of many is better than what was measured of one, unless that one's code makes the
                // difference.
                Judge::Key => self.calls.effort(&*self.evm, &token, path, found.payee, sample(found.judge)),
                Judge::Account => self.calls.effort_of(&*self.evm, &token, path, gas, sample(found.judge)),
            },
        };
        if let (Sponsored::Approval(approval), Path::AfterApproval) = (&sponsored, path) {
            effort.fees.extend(left_over(&*self.evm, approval, &signed.permit).await?);
        }
        Ok(effort)
    }

    /// Of a payment that nobody has looked at yet.
    async fn untried(
        &self,
        order: &Order,
        token: &Token,
        signed: &Signed,
        sponsored: &Sponsored,
    ) -> Result<Effort> {
        let (permit, path) = (&signed.permit, path_of(sponsored));
        let judge = match signed.check(self.evm.chain_id()) {
            Check::Key(_) => Judge::Key,
            // Nobody will measure what its code does, so it may use all that it can get.
            Check::AskAccount(_) if self.is_metered() => {
                let (signature, handed_in) = (signed.signature.for_account(), handed_in(sponsored, path));
                let call = (self.calls.settle)(permit, signature, permit.amount, handed_in);
                let sample = self.sample(token, path, signed, Judge::Account);
                let gas = self.most(token, path, &call.data);
                return Ok(self.calls.effort_of(&*self.evm, token, path, gas, sample));
            }
            Check::AskAccount(_) => Judge::Account,
        };
        self.estimate(order, token, signed, path, judge).await
    }

    async fn estimate(
        &self,
        order: &Order,
        token: &Token,
        signed: &Signed,
        path: Path,
        judge: Judge,
    ) -> Result<Effort> {
        let pay_to = address::parse(order.requirement.pay_to.address())?;
        let payee = self.payees.kind(&*self.evm, token.address, pay_to).await?;
        let sample = self.sample(token, path, signed, judge);
        let gas = judge.gas(&*self.evm, &self.calls, token, path, payee);
        Ok(self.calls.effort_of(&*self.evm, token, path, gas, sample))
    }

    /// The transaction that settles it, for data fees. What an account's code is asked about is as long as the payer likes.
    fn sample(&self, token: &Token, path: Path, signed: &Signed, judge: Judge) -> Sample {
        let by_account = || matches!(signed.check(self.evm.chain_id()), Check::AskAccount(_));
        let veil = match judge {
            Judge::Account if by_account() => Cow::Owned(veiled(signed.signature.for_account())),
            _ => Cow::Borrowed(NOISE.as_slice()),
        };
        self.calls.sample(&*self.evm, token, path, &signed.permit, &veil)
    }

    /// Does the payment hold on chain now? One look.
    ///
    /// # Errors
    /// One code for each thing that can be wrong.
    pub async fn verify(&self, order: &Order) -> Result<Proof> {
        self.here(order)?;
        let bound = self.worth_gas(order)?;
        // The ceiling when a payment is verified; what was used when it is settled.
        let found = self.try_out(&bound, U256::from(order.requirement.price.atomic())).await?;
        // What is tried out later is no estimate: a second attempt may have to pay for an approval again.
        self.measured.put(presented(order), found);
        let checked = Checked { bound, found: Some(found), timeout_s: order.requirement.timeout_s };
        Ok(Proof { evidence: Some(Arc::new(checked)), ..Proof::default() })
    }

    /// Takes what is due, by one transaction; nothing is taken by none.
    ///
    /// # Errors
    /// Those of `Settler::settle`.
    pub async fn settle(&self, due: &Due) -> Result<Receipt> {
        let (order, charge) = (due.verified().order(), due.charge());
        self.here(order)?;
        let checked = match due.verified().evidence::<Checked>() {
            Some(checked) => checked.clone(),
            // Verified by somebody else, settled by us.
            None => {
                let bound = self.worth_gas(order)?;
                Checked { bound, found: None, timeout_s: order.requirement.timeout_s }
            }
        };
        let sought = self.of(&checked);
        let key = sought.key();
        if due.verified().terms().replay.iter().all(|k| k.0 != key.0) {
            return Err(Error::us(Code::Internal).detail("the evidence belongs to another payment"));
        }
        let most = sought.permit.amount;
        if charge.amount().asset != sought.token.asset || U256::from(charge.atomic()) > most {
            let words = format!("{} of at most {most}", charge.amount());
            return Err(Error::us(Code::ChargeExceedsCeiling).detail(words));
        }
        if charge.atomic() == 0 {
            return self.nothing(&sought);
        }
        self.take(&checked, charge.atomic(), due.verified().terms().settle_before).await
    }

    /// What became of a payment, as our journal and the chain say. Sends nothing; what was never sent and is still to be taken
    /// is `tollway_core::flow::settle_unsent`'s.
    ///
    /// # Errors
    /// Those of `Settler::resume`.
    pub async fn fate(&self, order: &Order) -> Result<Fate> {
        self.here(order)?;
        // Decoded, not judged again: what was sent was sent, whatever a newer table of tokens would say of it.
        let token = Token::of(&order.requirement)?;
        let permit = Signed::decode(&order.payment.payload, self.calls.proxy)?.permit;
        let sought = self.sought(&token, &permit, order.requirement.timeout_s);
        let later = || Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) };
        match self.evm.sent(&sought.key()).await? {
            Sent::Pending(_) => Ok(later()),
            Sent::Never => self.on_chain(&sought, later).await,
            Sent::Mined(mined) => {
                // What was charged is in the transaction, and nowhere else; without a meter it is what was signed.
                let charge = (!self.is_metered()).then(|| charged::atomic(permit.amount)).transpose()?;
                match self.mined(&sought, *mined, charge, false).await {
                    Err(e) if e.is_unknown_outcome() && e.code != Code::Overcharged => Ok(later()),
                    done => done.map(|receipt| Fate::Settled(Box::new(receipt))),
                }
            }
        }
    }

    fn here(&self, order: &Order) -> Result<()> {
        if order.requirement.chain == self.chain {
            return Ok(());
        }
        Err(Error::caller(Code::InvalidNetwork)
            .detail(format!("an order for {}, this cell settles on {}", order.requirement.chain, self.chain)))
    }

    /// The payment, bound to the order, when it is ours to settle and worth gas of ours. Whoever sends one chooses the
    /// token's contract and with it what our gas does, so it takes somebody's word for the token; and a transfer of nothing
    /// pays nobody.
    fn worth_gas(&self, order: &Order) -> Result<Bound> {
        let mut bound = (self.read)(order)?;
        self.settings.vouched(&order.requirement).map_err(|e| match e.code {
            Code::UnknownAsset => Error { blame: Blame::Settler, ..e },
            _ => e,
        })?;
        let permit = &bound.signed.permit;
        if let Some(named) = permit.witness.facilitator.filter(|named| !self.evm.senders().contains(named)) {
            return Err(Error::payer(Code::FacilitatorMismatch).detail(format!(
                "signed for {named} to charge, which is no account of this facilitator's; its facilitatorAddress \
                 would be right"
            )));
        }
        if permit.amount.is_zero() {
            return Err(Error::payer(Code::InvalidAmount).detail("a payment of nothing is not worth its gas"));
        }
        if self.unfair.get(&bound.token.address).is_some() {
            return Err(Error::payee(Code::TokenKeepsPart)
                .detail(format!("{} was seen to pay something else than was sent", bound.token.asset)));
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

    /// A charge of nothing is settled by nothing.
    fn nothing(&self, sought: &Sought<'_>) -> Result<Receipt> {
        Ok(Receipt {
            landed: Landed::Nothing,
            charged: Amount::zero(sought.token.asset),
            payer: Some(address::account(self.chain, &sought.permit.from)?),
            chain: self.chain,
            spent: None,
            extra: Extra::default(),
        })
    }

    /// True when less may be taken than was signed.
    fn is_metered(&self) -> bool {
        self.calls.proxy == Proxy::Upto
    }

    fn of<'a>(&self, checked: &'a Checked) -> Sought<'a> {
        self.sought(&checked.bound.token, &checked.bound.signed.permit, checked.timeout_s)
    }

    fn sought<'a>(&self, token: &'a Token, permit: &'a Permit, timeout_s: u64) -> Sought<'a> {
        Sought { token, permit, timeout_s, calls: self.calls }
    }

    fn gas(&self, wei: u128) -> Amount {
        Amount::new(AssetId::native(self.chain), wei)
    }
}
