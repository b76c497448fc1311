//! The look before gas is spent: does the payment go through now, who judged its signature, and at what gas.
//!
//! Whoever pays chooses the code of its own account, and Permit2 asks that code with all the gas that the settler pays for.
//! So the payment is tried out with a bound on its gas, and settled with a limit that follows from what it used. Accounts
//! with code are tried out twice: when they are verified, and again in the moment before anything is sent, because code
//! may change in between. What changes later still costs one transaction of that limit at most.
//!
//! The proxy of `upto` asks who calls it, so there the call is made in the facilitator's name, which nobody measures. It
//! is made under several bounds side by side instead, and the lowest that suffices is what it costs and what its
//! transaction gets: code that looks at the gas it is given is given no more than it was tried out with.

use super::super::{
    Bound, Eip2612, MARGIN_MS, Path, Payee, Permit, Reads, Sponsored, Standing, Token, number_of, refusal,
};
use super::Till;
use super::judge::Judge;
use super::sought::path_of;
use crate::signature::{AccountCode, Check};
use crate::trial::transaction_gas;
use crate::{Bounded, EvmCall, Trial, Tried, TriedCall};
use alloy::primitives::{Bytes, U256};
use tollway_core::{Code, Error, Next, Result};

/// A payment that goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) payee: Payee,
    pub(super) path: Path,
    pub(super) judge: Judge,
    /// Gas of the whole transaction; all that it will get, where an account's code was tried out under bounds alone. `None`
    /// where nobody measured.
    pub(super) gas: Option<u64>,
}

impl Till {
    /// One look: the token's state, the code of the account that pays, and the settlement itself.
    pub(super) async fn try_out(&self, bound: &Bound, amount: U256) -> Result<Found> {
        let permit = &bound.signed.permit;
        // Nobody may call in the facilitator's place.
        let caller = permit.witness.facilitator;
        let bounds = self.bounds_on(bound);
        // Nothing cannot be taken; whose signature it is, all of it tells as well.
        let taken = if amount.is_zero() { permit.amount } else { amount };
        let settlement = self.call(bound, taken, Path::WithPermit);
        let data = settlement.data.clone();
        // What the payee then holds is asked behind it, where the calls of a trial run one after another.
        let after = caller.is_none().then(|| Reads::after(permit));
        let most = bounds.last().copied().unwrap_or_default();
        let settlements = bounds.iter().map(|gas| Bounded { call: settlement.clone(), gas: *gas });
        let after = after.map(|call| Bounded { call, gas: most });
        let trial = Trial {
            sender: caller.or_else(|| self.evm.senders().first().copied()),
            caller,
            account: permit.from,
            reads: Reads::of(permit).into(),
            calls: settlements.chain(after).collect(),
        };
        let mut tried = self.evm.try_out(&trial).await?;
        let gas = sufficient(&mut tried, &bounds);
        let mut found = verdict(bound, amount, gas, &tried)?;
        let used = tried.calls.first().and_then(|call| call.gas);
        let used = used.or_else(|| (self.is_metered() && found.judge == Judge::Account).then_some(gas));
        found.gas = used.map(|used| transaction_gas(&data, used));
        if found.path == Path::AfterApproval {
            // It was tried out on a state without the allowance.
            found.gas = None;
        }
        self.bearable(bound, &found)?;
        self.payees.saw(permit.token, permit.witness.to, found.payee);
        Ok(found)
    }

    /// The call that takes `amount`, on this path.
    pub(super) fn call(&self, bound: &Bound, amount: U256, path: Path) -> EvmCall {
        let permit = &bound.signed.permit;
        (self.calls.settle)(permit, bound.signature(), amount, handed_in(&bound.sponsored, path))
    }

    /// The most gas that a payment's transaction gets.
    pub(super) fn limit(&self, bound: &Bound, found: &Found) -> u64 {
        if found.judge == Judge::Key {
            return self.calls.gas_limit(&*self.evm, &bound.token, found.path);
        }
        let data = self.call(bound, bound.signed.permit.amount, found.path).data;
        let most = self.most(&bound.token, found.path, &data);
        match found.gas {
            // What was tried out under a bound alone gets that bound.
            Some(tried) if self.is_metered() => tried.min(most),
            // A quarter more than was used: a payee may have become new, and each call keeps a 64th of its gas from the next.
            Some(used) => used.saturating_add(used / 4).saturating_add(10_000).min(most),
            None => most,
        }
    }

    /// The most gas that any transaction with this data gets, whoever judges the signature.
    pub(super) fn most(&self, token: &Token, path: Path, data: &[u8]) -> u64 {
        let plain = self.calls.gas_limit(&*self.evm, token, path);
        transaction_gas(data, plain.saturating_add(self.settings.signature_gas_max))
    }

    /// How much gas the call gets when it is tried out, least first. Where nobody measures, a plain account's gets no more
    /// than its transaction would, and any other's as little as will do.
    fn bounds_on(&self, bound: &Bound) -> Vec<u64> {
        let plain = self.calls.gas_limit(&*self.evm, &bound.token, path_of(&bound.sponsored));
        let by_key = matches!(bound.check, Check::Key(_));
        let asked = self.settings.signature_gas_max;
        let beside = match (self.is_metered(), by_key) {
            (false, _) => vec![asked],
            (true, true) => vec![0],
            (true, false) => vec![0, asked / 4, asked],
        };
        beside.into_iter().map(|gas| plain.saturating_add(gas)).collect()
    }

    /// Refuses what a plain account's transaction could not do with the gas that it gets.
    fn bearable(&self, bound: &Bound, found: &Found) -> Result<()> {
        let plain = self.calls.gas_limit(&*self.evm, &bound.token, found.path);
        if found.judge == Judge::Key && found.gas.is_some_and(|gas| gas > plain) {
            return Err(Error::payee(Code::SimulationFailed).next(Next::OtherRoute).detail(format!(
                "the token would use more than the {plain} gas that a transfer of it is given"
            )));
        }
        Ok(())
    }
}

/// Refuses a payment that would now use more than it was given when it was verified: that is what was counted with.
///
/// # Errors
/// [`Code::SignatureGas`].
pub(super) fn not_dearer(now: &Found, limit: u64) -> Result<()> {
    match now.gas {
        Some(gas) if gas > limit => Err(Error::payer(Code::SignatureGas).next(Next::OtherRoute).detail(
            format!("the payer's account would use {gas} gas by now; {limit} are left by what it used when verified"),
        )),
        _ => Ok(()),
    }
}

/// Of the same call under these bounds, keeps the first that went through, else the one that was given most. Answers its
/// bound.
fn sufficient(tried: &mut Tried, bounds: &[u64]) -> u64 {
    let last = bounds.len().saturating_sub(1);
    let went = tried.calls.iter().take(bounds.len()).position(|call| call.result.is_ok());
    let kept = went.unwrap_or(last);
    let mut place = 0usize;
    tried.calls.retain(|_| {
        let keep = place == kept || place > last;
        place = place.saturating_add(1);
        keep
    });
    bounds.get(kept).copied().unwrap_or_default()
}

/// The EIP-2612 permit that is handed in on this path.
pub(super) fn handed_in(sponsored: &Sponsored, path: Path) -> Option<&Eip2612> {
    match sponsored {
        Sponsored::Permit(said) if path == Path::WithPermit => Some(said),
        _ => None,
    }
}

/// How `amount` of what was permitted can be taken, who judges that, and what kind of payee gets it. Its gas is not looked
/// at yet.
///
/// # Errors
/// One code for each thing that can be wrong; [`Code::AllowanceRequired`] when the payer has to act first.
fn verdict(bound: &Bound, amount: U256, gas: u64, tried: &Tried) -> Result<Found> {
    let permit = &bound.signed.permit;
    let judge = judge(bound, tried.code)?;
    let standing = Standing::of(permit, &tried.looked)?;
    standing.check(permit, amount, MARGIN_MS)?;
    // What is asked now must be covered: all that was permitted, or what was used of it.
    let allowed = standing.check_allowance(&Permit { amount, ..*permit });
    let path = path(bound, &allowed, tried)?;
    let found = Found { payee: Payee::of_balance(standing.payee_balance), path, judge, gas: None };
    if path == Path::AfterApproval && judge == Judge::Account {
        return Err(Error::payer(Code::AllowanceRequired).next(Next::OtherRoute).detail(
            "the payer's account has code, and only a plain account's approval is paid for here: nothing could be tried \
             out before; an approval of its own would be right",
        ));
    }
    let unanswered = || Error::network(Code::InvalidAnswer).detail("the node left the simulation unanswered");
    let settled = tried.calls.first().ok_or_else(unanswered)?;
    if judge == Judge::Account && settled.ran_dry(gas) {
        return Err(Error::payer(Code::SignatureGas).next(Next::OtherRoute).detail(format!(
            "the payer's account uses up the {gas} gas that a payment with its signature is given (setting \
             signature_gas_max)"
        )));
    }
    if let Err(revert) = &settled.result {
        // Without an allowance, or with nothing to be taken, it fails where the money would move: behind the check of the
        // signature.
        return match why(revert, allowed) {
            refused if refused.code == Code::InvalidSignature => Err(refused),
            _ if amount.is_zero() || path == Path::AfterApproval => Ok(found),
            refused => Err(refused),
        };
    }
    if amount.is_zero() {
        return Ok(found);
    }
    if let Some(TriedCall { result, .. }) = tried.calls.get(1) {
        standing.check_received(permit, number_of(result)?, amount)?;
    }
    Ok(found)
}

/// How the allowance comes about.
fn path(bound: &Bound, allowed: &Result<()>, tried: &Tried) -> Result<Path> {
    match (&bound.sponsored, allowed) {
        // What is there already need not be made up for.
        (_, Ok(())) => Ok(Path::Settle),
        (Sponsored::No, Err(missing)) => Err(missing.clone()),
        (Sponsored::Permit(said), Err(_)) => {
            said.check_time(tried.looked.time, MARGIN_MS)?;
            Ok(Path::WithPermit)
        }
        (Sponsored::Approval(_), Err(_)) => Ok(Path::AfterApproval),
    }
}

/// Who judges the signature, now that the account's code is known.
fn judge(bound: &Bound, code: AccountCode) -> Result<Judge> {
    match (&bound.check, code) {
        (_, AccountCode::Delegated(_) | AccountCode::Contract(_)) => Ok(Judge::Account),
        (Check::Key(_), AccountCode::Plain) => Ok(Judge::Key),
        (Check::AskAccount(why), AccountCode::Plain) => match bound.signed.signature.deployment() {
            None => Err(why.clone()),
            // ERC-6492: it would have to be deployed first, and nobody would have its approval then.
            Some(_) => Err(Error::payer(Code::InvalidSignature).next(Next::OtherRoute).detail(format!(
                "the payer's account {} is not deployed, so it cannot have let Permit2 draw on its tokens: a deployed \
                 account that has approved Permit2 would be right, or a payment by EIP-3009",
                bound.signed.permit.from
            ))),
        },
    }
}

/// A token's refusal of the EIP-2612 permit shows as a missing allowance only.
fn why(revert: &Bytes, allowed: Result<()>) -> Error {
    let refused = refusal(revert);
    match allowed {
        Err(missing) if refused.code == Code::SimulationFailed => {
            let words = "the EIP-2612 permit that came along gives no allowance either";
            let detail = format!("{}; {words}", missing.detail);
            missing.detail(detail)
        }
        _ => refused,
    }
}
