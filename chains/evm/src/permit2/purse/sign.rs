//! Signing what was reserved, and asking what became of it.

use super::{Purse, Way};
use crate::At;
use crate::address;
use crate::custody::{Message, authorize};
use crate::permit2::effort::{invalidate_call, sponsored_gas};
use crate::permit2::fate::{Asked, Stand, receipt, soon};
use crate::permit2::{Approval, Eip2612, PERMIT2, Permit, Signed, Sponsored, Token, Witness, approve_call};
use alloy::primitives::{Address, B256, U256};
use std::borrow::Cow;
use tollway_core::{
    Action, ActionKind, Amount, Answer, AttemptId, Authorization, Bearer, Blame, Code, Demand, Effort, Error,
    Fate, Json, Landed, Next, Payment, Plan, Receipt, Requirement, Reserved, Result, Version, Work,
};

/// v1 clients sign a window that began ten minutes ago, for servers with slow clocks. Source: x402 v1, reference SDK.
const V1_AFTER_S: u64 = 600;

impl Purse {
    /// `Payer::authorize`: signs a permit of the entry's price for the entry's payee. With `facilitator`, the upto witness.
    ///
    /// # Errors
    /// Why there is no signature: nothing that can be spent has left then.
    pub async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
        facilitator: Option<Address>,
    ) -> Result<Authorization> {
        let (r, plan) = (demand.requirement, reserved.plan());
        self.still_good(demand, plan)?;
        let what = self.prepared(r)?;
        let signer = self.evm.signer()?;
        let mut nonce = B256::ZERO;
        self.dice.fill(nonce.as_mut_slice());
        let valid_after = match r.version {
            Version::V1 => demand.now.secs().saturating_sub(V1_AFTER_S),
            _ => 0,
        };
        let permit = Permit {
            from: signer.address(),
            token: what.token.address,
            amount: U256::from(r.price.atomic()),
            spender: self.calls.proxy.address(),
            nonce: nonce.into(),
            deadline: U256::from(plan.spendable_until.secs().saturating_sub(1)),
            witness: Witness {
                to: address::parse(r.pay_to.address())?,
                facilitator,
                valid_after: U256::from(valid_after),
            },
        };
        // What the plan had to do first was done; else what it found missing is made up for now.
        let way = match plan.actions.is_empty() {
            true => self.way(demand, &what.token, what.me).await?,
            false => Way::Allowed,
        };
        let sponsored = self.sponsored((r, plan), &what.token, &permit, way).await?;
        let message = Message::Permit2 { chain_id: self.chain_id, said: permit };
        let signature = authorize(&*signer, &message).await?;
        Ok(Authorization {
            payment: Payment {
                accepted: r.clone(),
                payload: Signed { permit, signature: signature.into() }.encode(),
                extensions: sponsored.extensions(demand.challenge.extensions.as_ref()),
                resource: demand.challenge.resource.clone(),
            },
            attempt: attempt.clone(),
            spendable_until: plan.spendable_until,
        })
    }

    fn still_good(&self, demand: &Demand<'_>, plan: &Plan) -> Result<()> {
        let r = demand.requirement;
        if plan.exposure != r.price || plan.price != r.price {
            return Err(Error::us(Code::Internal)
                .detail(format!("{} was reserved, {} would be signed", plan.exposure.0, r.price.0)));
        }
        if plan.spendable_until <= demand.now {
            return Err(Error::us(Code::Expired).detail("the reserved plan is over; plan again"));
        }
        Ok(())
    }

    /// What goes along with the permit.
    async fn sponsored(
        &self,
        (r, plan): (&Requirement, &Plan),
        token: &Token,
        permit: &Permit,
        way: Way,
    ) -> Result<Sponsored> {
        let missing = |words: &str| {
            Error::new(Code::AllowanceRequired, Blame::Payer, Next::Prepare).detail(format!(
                "{} has not approved Permit2 ({PERMIT2}) for {}{words}",
                permit.from, token.asset
            ))
        };
        match way {
            Way::Allowed => Ok(Sponsored::No),
            Way::Approve => Err(missing(", which was there when the payment was planned; plan again")),
            Way::Permit => {
                let found = self.permit_nonce(r, token, permit.from).await?;
                let (nonce, token) = found.ok_or_else(|| missing(", and the token takes no permit now"))?;
                let mut said = Eip2612::for_permit(permit, nonce);
                let message = Message::Permit { token, said: Cow::Borrowed(&said) };
                said.signature = authorize(&*self.evm.signer()?, &message).await?;
                Ok(Sponsored::Permit(said))
            }
            Way::Approval { coins_wei } => {
                self.still_sponsored(plan, coins_wei)?;
                let gas = sponsored_gas(&*self.evm, token.address);
                let raw = self.evm.sign_call(&approve_call(token.address, U256::MAX), gas).await?;
                let (from, asset) = (permit.from, token.address);
                let said = Approval { from, asset, spender: PERMIT2, amount: U256::MAX, raw };
                // What a settler would refuse is not worth sending.
                said.check(permit, self.chain_id).map_err(|e| Error::us(Code::Internal).detail(e.detail))?;
                Ok(Sponsored::Approval(said))
            }
        }
    }

    /// To be told of each payment that went through: an approval that came along with one is there now, whatever the
    /// snapshot says for a while yet.
    ///
    /// # Errors
    /// When what was sent cannot be read.
    pub fn went_through(&self, sent: &Authorization) -> Result<()> {
        if let Sponsored::Approval(said) = Sponsored::of(&sent.payment)? {
            self.approved.put(said.asset, self.clock.now());
        }
        Ok(())
    }

    /// `Payer::resolve`.
    ///
    /// # Errors
    /// When nobody could look.
    pub async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        let said = Signed::decode(&sent.payment.payload, self.calls.proxy)?.permit;
        let accepted = &sent.payment.accepted;
        let asked = Asked {
            permit: &said,
            timeout_s: accepted.timeout_s,
            at: At::Latest,
            moved: self.calls.moved,
            trusting: true,
        };
        Ok(match asked.stand(&*self.evm).await? {
            Stand::Settled { tx, amount } => {
                let atomic = u128::try_from(amount).unwrap_or(u128::MAX);
                let charged = Amount::new(accepted.price.asset(), atomic);
                Fate::Settled(Box::new(receipt(said.from, charged, tx, None)?))
            }
            Stand::Dead => Fate::Dead,
            Stand::Open => Fate::Open { cancel: self.cancelling(sent, &said) },
            Stand::Wait => Fate::NotYetKnown { ask_again: soon(&*self.evm, &*self.clock) },
        })
    }

    /// The action that makes a permit worthless; `None` where the payer's account cannot send.
    fn cancelling(&self, sent: &Authorization, said: &Permit) -> Option<Box<Action>> {
        if !self.evm.senders().contains(&said.from) {
            return None;
        }
        let call = invalidate_call(said);
        let gas = super::perform::cancel_gas(&*self.evm);
        let sample = self.evm.sample(&call, gas.saturating_mul(2));
        let work = Work::new(Bearer::Payer, "invalidateUnorderedNonces", gas, sample);
        let detail = super::perform::Cancelling::of(said, sent);
        let (kind, chain) = (ActionKind::Cancel, self.chain);
        Some(Box::new(Action { kind, chain, effort: Effort::one(work), detail: Json::of(&detail) }))
    }
}

/// The receipt in an answer, when it is of what was signed: of no more than the price, in its asset, by its payer. It is the
/// server's word all the same; the transaction in it can be looked up.
///
/// # Errors
/// When what was sent cannot be read.
pub fn agrees(
    sent: &Authorization,
    answer: &Answer<'_>,
    proxy: crate::permit2::Proxy,
) -> Result<Option<Receipt>> {
    let Answer::Receipt(receipt) = answer else { return Ok(None) };
    let accepted = &sent.payment.accepted;
    let from = Signed::decode(&sent.payment.payload, proxy)?.permit.from;
    let payer = address::account(accepted.chain, &from)?;
    let asset = accepted.price.asset();
    let fits = receipt.chain == accepted.chain
        && receipt.charged.asset == asset
        && receipt.charged.atomic <= accepted.price.atomic()
        && receipt.payer.is_none_or(|p| p == payer)
        && matches!(receipt.landed, Landed::OnChain { .. } | Landed::Nothing);
    Ok(fits.then(|| Receipt::clone(receipt)))
}
