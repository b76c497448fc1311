//! The look before gas is spent: does the transfer go through now, who judged its signature, and at what gas.
//!
//! Whoever pays chooses the code of its own account, and that code runs on our gas. So the transfer is tried out with a
//! bound on its gas, and settled with a limit that follows from what it used. Accounts with code are tried out twice: when
//! they are verified, and again in the moment before anything is sent, because code may change in between. What changes
//! later still costs one transaction of that limit at most.

use crate::effort::{self, Path, Payee};
use crate::settings::Settings;
use crate::terms::{Bound, MARGIN_MS, moment};
use crate::token;
use alloy::primitives::U256;
use tollway_core::{Blame, Code, Error, Next, Result, Time};
use tollway_evm::eip712::Transfer;
use tollway_evm::signature::{AccountCode, Check, Deployment};
use tollway_evm::{Bounded, Evm, EvmCall, Looked, Trial, Tried, trial};

/// What Multicall3 itself uses to make two calls of one.
const TOGETHER_GAS: u64 = 12_000;

/// A transfer that goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) payee: Payee,
    pub(crate) path: Path,
    /// Gas of the whole transaction; `None` where nobody measured.
    pub(crate) gas: Option<u64>,
}

/// The transfer as the token takes it: by the key where it signed, else by the account's code.
pub(crate) fn transfer(bound: &Bound) -> EvmCall {
    let (token, signed) = (bound.rail.token.address, &bound.signed);
    match &bound.check {
        Check::Key(rsv) => token::transfer(token, &signed.transfer, rsv),
        Check::AskAccount(_) => {
            token::transfer_by_account(token, &signed.transfer, signed.signature.for_account())
        }
    }
}

/// The transaction that settles it.
pub(crate) fn transaction(bound: &Bound, path: Path) -> EvmCall {
    match (path, bound.signed.signature.deployment()) {
        (Path::Deploy, Some(first)) => effort::deployed(first, transfer(bound)),
        _ => transfer(bound),
    }
}

/// The most gas that its transaction gets.
pub(crate) fn limit(evm: &dyn Evm, bound: &Bound, found: &Found, settings: &Settings) -> u64 {
    let token = &bound.rail.token;
    if found.path == Path::Key {
        return effort::gas_limit(evm, token);
    }
    // A quarter more than was used: a payee may have become new, and each call keeps a 64th of its gas from the next.
    let used =
        found.gas.unwrap_or_else(|| effort::gas(evm, (token.address, token.known), found.payee, found.path));
    let most = Bounds::of(evm, bound, settings).transaction(bound, found.path);
    used.saturating_add(used / 4).saturating_add(10_000).min(most)
}

/// Refuses a payment that would now use more than it was given when it was verified: that is what was counted with.
///
/// # Errors
/// [`Code::SignatureGas`].
pub(crate) fn not_dearer(again: &Found, limit: u64) -> Result<()> {
    match again.gas {
        Some(gas) if gas > limit => Err(Error::payer(Code::SignatureGas).next(Next::OtherRoute).detail(
            format!("the payer's account would use {gas} gas by now; {limit} are left by what it used when verified"),
        )),
        _ => Ok(()),
    }
}

/// One look: the token's state, the code of the account that pays, and the transfer itself.
pub(crate) async fn run(evm: &dyn Evm, bound: &Bound, settings: &Settings) -> Result<Found> {
    let (token, said) = (&bound.rail.token, &bound.signed.transfer);
    let transfer = transfer(bound);
    let bounds = Bounds::of(evm, bound, settings);
    let deployment = bounds
        .deployment
        .map(|(first, gas)| Bounded { call: EvmCall { to: first.factory, data: first.data.clone() }, gas });
    let mut reads = vec![
        token::balance(token.address, said.from),
        token::state(token.address, said.from, said.nonce),
        token::balance(token.address, said.to),
    ];
    reads.extend(deployment.is_some().then(trial::multicall_there));
    let data = transfer.data.clone();
    let calls = deployment.into_iter().chain([Bounded { call: transfer, gas: bounds.transfer }]).collect();
    let trial =
        Trial { sender: evm.senders().first().copied(), caller: None, account: said.from, reads, calls };
    let tried = evm.try_out(&trial).await?;
    let path = path(bound, &bounds, &tried)?;
    let payee = state(said, &tried.looked)?;
    outcome(&bounds, &tried, path)?;
    let gas = match path {
        Path::Deploy => sum(&tried).map(|used| {
            trial::transaction_gas(&transaction(bound, path).data, used).saturating_add(TOGETHER_GAS)
        }),
        _ => last(&tried).and_then(|call| call.gas).map(|used| trial::transaction_gas(&data, used)),
    };
    let found = Found { payee, path, gas };
    let plain = effort::gas_limit(evm, token);
    if path == Path::Key && gas.is_some_and(|gas| gas > plain) {
        return Err(Error::payee(Code::SimulationFailed).next(Next::OtherRoute).detail(format!(
            "the token would use more than the {plain} gas that a transfer of it is given"
        )));
    }
    Ok(found)
}

/// How much gas is given to what, beside a transaction's own.
struct Bounds<'a> {
    transfer: u64,
    /// How the account would be deployed, where that is allowed.
    deployment: Option<(&'a Deployment, u64)>,
}

impl<'a> Bounds<'a> {
    fn of(evm: &dyn Evm, bound: &'a Bound, settings: &Settings) -> Self {
        let plain = effort::gas_limit(evm, &bound.rail.token);
        let allowed = |first: &&Deployment| settings.eip6492_factories.contains(&first.factory);
        let asked = matches!(bound.check, Check::AskAccount(_));
        let deployment = bound.signed.signature.deployment().filter(|_| asked).filter(allowed);
        Self {
            transfer: plain.saturating_add(settings.signature_gas_max),
            deployment: deployment.map(|first| (first, settings.deployment_gas_max)),
        }
    }

    /// The most that the whole transaction may use.
    fn transaction(&self, bound: &Bound, path: Path) -> u64 {
        let deployment = self.deployment.filter(|_| path == Path::Deploy);
        let first = deployment.map_or(0, |(_, gas)| gas.saturating_add(TOGETHER_GAS));
        trial::transaction_gas(&transaction(bound, path).data, self.transfer.saturating_add(first))
    }
}

/// Who judges the signature, now that the account's code is known.
fn path(bound: &Bound, bounds: &Bounds<'_>, tried: &Tried) -> Result<Path> {
    match (&bound.check, tried.code) {
        (_, AccountCode::Delegated(_) | AccountCode::Contract(_)) => Ok(Path::Account),
        (Check::Key(_), AccountCode::Plain) => Ok(Path::Key),
        (Check::AskAccount(why), AccountCode::Plain) => match bound.signed.signature.deployment() {
            None => Err(why.clone()),
            Some(_) if bounds.deployment.is_some() => Ok(Path::Deploy),
            Some(first) => Err(Error::payer(Code::FactoryNotAllowed).next(Next::OtherRoute).detail(format!(
                "the payer's account is not deployed, and its factory {} is not in the settler's setting \
                 exact.eip6492_factories",
                first.factory
            ))),
        },
    }
}

/// What the token's state says of a transfer; the payee's kind when it can be made.
fn state(said: &Transfer, looked: &Looked) -> Result<Payee> {
    let balance = token::number(looked, 0)?;
    if !token::number(looked, 1)?.is_zero() {
        return Err(Error::payer(Code::NonceUsed)
            .detail("the authorization's nonce is used or cancelled on chain; a fresh one would be right"));
    }
    let payee = Payee::of_balance(token::number(looked, 2)?);
    in_time(said, looked.time)?;
    if balance < said.value {
        return Err(Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
            .detail(format!("{} holds {balance} atomic units, {} were signed", said.from, said.value)));
    }
    Ok(payee)
}

/// Chain time decides, whatever our clock says. Source: EIP-3009, `validAfter < block.timestamp < validBefore`.
fn in_time(said: &Transfer, now: Time) -> Result<()> {
    let until = moment(said.valid_before);
    let found = |words: &str, bound: U256| format!("{words} {bound}, chain time is {} (s)", now.secs());
    if until != Time::FAR && now >= until.minus_ms(MARGIN_MS) {
        return Err(
            Error::payer(Code::Expired).detail(found("6 s before validBefore are over:", said.valid_before))
        );
    }
    if U256::from(now.secs()) <= said.valid_after {
        return Err(Error::payer(Code::NotYetValid)
            .next(Next::Later)
            .detail(found("only valid after", said.valid_after)));
    }
    Ok(())
}

/// Whether the calls went through.
fn outcome(bounds: &Bounds<'_>, tried: &Tried, path: Path) -> Result<()> {
    let unanswered = || Error::network(Code::InvalidAnswer).detail("the node left the simulation unanswered");
    if path == Path::Deploy {
        if !tried.looked.results.get(3).is_some_and(trial::says_there) {
            return Err(Error::settler(Code::FactoryNotAllowed)
                .next(Next::OtherRoute)
                .detail("deploying the payer's account takes Multicall3, which this chain does not have"));
        }
        if tried.calls.first().ok_or_else(unanswered)?.result.is_err() {
            return Err(Error::payer(Code::DeploymentFailed)
                .next(Next::OtherRoute)
                .detail("the factory does not deploy the payer's account"));
        }
    }
    let call = last(tried).ok_or_else(unanswered)?;
    if path != Path::Key && call.ran_dry(bounds.transfer) {
        return Err(Error::payer(Code::SignatureGas).next(Next::OtherRoute).detail(format!(
            "the payer's account uses up the {} gas that a transfer with its signature is given (setting \
             exact.signature_gas_max)",
            bounds.transfer
        )));
    }
    call.result.as_ref().map(|_| ()).map_err(token::refusal)
}

fn last(tried: &Tried) -> Option<&tollway_evm::TriedCall> {
    tried.calls.last()
}

fn sum(tried: &Tried) -> Option<u64> {
    tried.calls.iter().try_fold(0u64, |sum, call| Some(sum.saturating_add(call.gas?)))
}
