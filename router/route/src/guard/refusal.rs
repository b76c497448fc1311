//! Every refusal of a guard: its code, who is to blame, and whether to come back.

use tollway_core::{Blame, Code, Error, Next, Requirement, Usd};

pub(super) fn payee(r: &Requirement) -> Error {
    Error::payee(Code::PayeeNotServed)
        .detail(format!("{} is not among the payees settled for here", r.pay_to))
}

pub(super) fn asset(r: &Requirement) -> Error {
    Error::payee(Code::AssetNotServed)
        .detail(format!("{} is not among the assets settled here", r.price.asset()))
}

pub(super) fn too_small(worth: Usd, least: Usd) -> Error {
    Error::payee(Code::AmountTooSmall)
        .detail(format!("{worth:.6}; the least that is settled here is {least}"))
}

pub(super) fn share(gas: Usd, worth: Usd, percent: u32) -> Error {
    Error::payee(Code::Unprofitable).detail(format!(
        "settling costs about {gas:.6} of gas for {worth:.6}; at most {percent} % is spent here, so a larger amount, a \
         cheaper network or a quieter moment would do"
    ))
}

pub(super) fn dear(gas: Usd, most: Usd) -> Error {
    Error::new(Code::GasTooHigh, Blame::Payer, Next::OtherRoute)
        .detail(format!("settling costs about {gas:.6} of gas; at most {most} is spent on one payment here"))
}

pub(super) fn burns(gas: u128, plain: u128, percent: u32) -> Error {
    Error::new(Code::GasTooHigh, Blame::Payer, Next::OtherRoute).detail(format!(
        "settling costs {gas} of the chain's smallest coins, a plain payment {plain}; at most {percent} % of that is spent \
         here on what a payer's own contract does"
    ))
}

pub(super) fn spent(whose: &str) -> Error {
    Error::new(Code::GasBudgetSpent, Blame::Caller, Next::Later)
        .detail(format!("what is spent on gas {whose} is used up for now"))
}

pub(super) fn at_once() -> Error {
    Error::new(Code::TooManyAtOnce, Blame::Payer, Next::Later)
        .detail("this payer has as many settlements under way as one payer may")
}

pub(super) fn failures(blame: Blame, whose: &str) -> Error {
    Error::new(Code::TooManyFailures, blame, Next::Later)
        .detail(format!("too many settlements {whose} failed on chain lately, at this facilitator's cost"))
}
