//! Trying out a transaction before any gas is spent: what it would do, what it would cost, and whose code decides.
//!
//! A plain account's payment costs what the token costs. Where an account has code, that code runs on our gas: it may
//! burn all that it is given, or answer differently tomorrow. So the calls are made on a node first, each with a bound on
//! its gas, and what they used is measured.
//!
//! One `eth_call` without a recipient does it: its data is a small program (`probe`) that makes the calls and returns
//! what it saw. Every node that runs contracts runs it; nothing has to be deployed.
//!
//! A contract that asks who calls it sees an address of the moment in such a program. A trial with a caller makes its calls
//! in that one's name instead: beside the program, in the same request, and not measured.

mod presented;
mod probe;

pub use presented::presented;

use crate::contracts::IMulticall3;
use crate::look::{answer, multicall};
use crate::profiles::MULTICALL3;
use crate::rpc::Rpc;
use crate::signature::AccountCode;
use crate::{At, Evm, EvmCall, Looked};
use alloy::primitives::{Address, Bytes, U64};
use alloy::sol_types::SolCall;
use serde::Serialize;
use tollway_core::{Code, Error, Result};

/// The most calls in one trial, reads and all.
const CALLS_MAX: usize = 16;
/// The most call data in one trial, in bytes: a program may have 49,152 bytes (EIP-3860).
const BYTES_MAX: usize = 40 * 1024;
/// Gas for each read.
const READ_GAS: u64 = 100_000;
/// Gas for the program itself, beside what its bytes cost.
const OWN_GAS: u64 = 300_000;

/// A transaction to be tried out.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Who would send it: its `tx.origin`. The caller of each call is an address of the moment, unless one is named.
    pub sender: Option<Address>,
    /// In whose name the calls are made, for contracts that ask who calls them. Each is then made on its own, on the state
    /// as it is; nobody measures what it uses; and on a chain that moves on in between it may be of the next block.
    pub caller: Option<Address>,
    /// Whose code is asked for.
    pub account: Address,
    /// Questions about the state as it is, before any of the calls. Of each answer the first 256 bytes are kept.
    pub reads: Vec<EvmCall>,
    /// What the transaction would do, one after another, each on what those before it have left, unless a caller is named.
    pub calls: Vec<Bounded>,
}

/// A call that may not use more than so much gas.
#[derive(Debug, Clone)]
pub struct Bounded {
    /// The call.
    pub call: EvmCall,
    /// The most gas that it gets, without the 21,000 and the call data of a transaction.
    pub gas: u64,
}

/// What a trial has shown, all at one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The block, and the answers to the reads.
    pub looked: Looked,
    /// The code of the account, before the calls.
    pub code: AccountCode,
    /// Per call, in order.
    pub calls: Vec<TriedCall>,
}

/// What one call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedCall {
    /// What it returned, or reverted with; the first 256 bytes of it.
    pub result: Result<Bytes, Bytes>,
    /// Gas that it used, without the 21,000 and the call data of a transaction; `None` where nobody measured.
    pub gas: Option<u64>,
}

impl Trial {
    /// Reads and calls, in one row.
    pub(crate) fn flat(&self) -> Vec<EvmCall> {
        self.reads.iter().chain(self.calls.iter().map(|bounded| &bounded.call)).cloned().collect()
    }

    /// What one look shows of it, for a fake in which nobody has code: no gas, and every call in the look's own name.
    ///
    /// # Errors
    /// Those of looking.
    pub async fn by_look(&self, evm: &dyn Evm) -> Result<Tried> {
        let mut looked = evm.look(&self.flat(), At::Latest).await?;
        let calls = looked.results.split_off(self.reads.len().min(looked.results.len()));
        let calls = calls.into_iter().map(|result| TriedCall { result, gas: None });
        Ok(Tried { looked, code: AccountCode::Plain, calls: calls.collect() })
    }
}

impl TriedCall {
    /// True when it failed for want of gas, or so close to its bound that nobody can tell.
    pub fn ran_dry(&self, bound: u64) -> bool {
        // Each contract keeps a 64th from the next, and fails with that much left when the next has burnt the rest.
        let near = bound.saturating_sub(bound / 16);
        self.result.is_err() && self.gas.is_some_and(|gas| gas >= near)
    }
}

/// Gas of a transaction that does what was measured: 21,000, its call data (with EIP-7623's floor), and that.
pub fn transaction_gas(data: &[u8], execution: u64) -> u64 {
    let zeros = data.iter().filter(|byte| **byte == 0).count();
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let others = count(data.len().saturating_sub(zeros));
    let tokens = others.saturating_mul(4).saturating_add(count(zeros));
    let floor = tokens.saturating_mul(10);
    tokens.saturating_mul(4).saturating_add(execution).max(floor).saturating_add(21_000)
}

/// Many calls as one transaction, through Multicall3 at its usual address: one marked true may fail, and any other that
/// fails undoes them all.
pub fn together(calls: impl IntoIterator<Item = (EvmCall, bool)>) -> EvmCall {
    multicall::together(MULTICALL3, calls)
}

/// True when Multicall3 answers at its usual address, to [`multicall_there`].
pub fn says_there(answer: &Result<Bytes, Bytes>) -> bool {
    answer.as_ref().is_ok_and(|bytes| bytes.len() == 32)
}

/// A read that only a chain with Multicall3 answers.
pub fn multicall_there() -> EvmCall {
    EvmCall { to: MULTICALL3, data: IMulticall3::getBlockNumberCall {}.abi_encode().into() }
}

/// What an `eth_call` calls; without a recipient, it makes a contract.
#[derive(Debug, Clone, Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Address>,
    gas: U64,
    data: Bytes,
}

/// Makes the calls on a node.
pub(crate) async fn run(rpc: &Rpc, trial: &Trial) -> Result<Tried> {
    let all = trial.reads.len().saturating_add(trial.calls.len());
    let bytes = trial.flat().iter().fold(0usize, |sum, call| sum.saturating_add(call.data.len()));
    if all > CALLS_MAX || bytes > BYTES_MAX {
        return Err(Error::caller(Code::TooLarge).detail(format!(
            "{all} calls of {bytes} bytes in one trial; {CALLS_MAX} calls and {BYTES_MAX} bytes are the limit"
        )));
    }
    let reads: Vec<Bounded> =
        trial.reads.iter().map(|call| Bounded { call: call.clone(), gas: READ_GAS }).collect();
    let Some(caller) = trial.caller else {
        let returned: Bytes =
            rpc.call("eth_call", (creation(trial, [&reads, &trial.calls]), "latest")).await?;
        return probe::read(&returned, reads.len(), trial.calls.len());
    };
    let mut batch = rpc.batch();
    let seen = batch.add::<_, Bytes>("eth_call", &(creation(trial, [&reads, &[]]), "latest"))?;
    let mut slots = Vec::with_capacity(trial.calls.len());
    for Bounded { call, gas } in &trial.calls {
        let gas = U64::from(transaction_gas(&call.data, *gas));
        let body = Body { from: Some(caller), to: Some(call.to), gas, data: call.data.clone() };
        slots.push(batch.add::<_, Bytes>("eth_call", &(body, "latest"))?);
    }
    batch.send().await?;
    let mut tried = probe::read(&seen.get().await?, reads.len(), 0)?;
    for slot in slots {
        tried.calls.push(TriedCall { result: answer(rpc, slot).await?, gas: None });
    }
    Ok(tried)
}

/// The program that asks and makes these, as an `eth_call`.
fn creation(trial: &Trial, frames: [&[Bounded]; 2]) -> Body {
    let program = probe::program(trial.account, frames);
    let calls = frames.iter().fold(0usize, |sum, frame| sum.saturating_add(frame.len()));
    let gas = U64::from(gas_for(&program, calls, frames));
    Body { from: trial.sender, to: None, gas, data: program.into() }
}

/// Enough that each call can have all that it may use, although every level keeps a 64th.
fn gas_for(program: &[u8], calls: usize, frames: [&[Bounded]; 2]) -> u64 {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let bounds = frames.into_iter().flatten().fold(0u64, |sum, bounded| sum.saturating_add(bounded.gas));
    let kept = count(probe::answer_bytes(calls)).saturating_mul(200);
    let own = count(program.len()).saturating_mul(40).saturating_add(kept).saturating_add(OWN_GAS);
    bounds.saturating_add(bounds / 16).saturating_add(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_pays_for_its_bytes_and_at_least_the_floor() {
        assert_eq!(transaction_gas(&[], 0), 21_000);
        assert_eq!(transaction_gas(&[0, 1, 1], 50_000), 21_000 + 4 + 32 + 50_000);
        assert_eq!(
            transaction_gas(&[1; 100], 0),
            21_000 + 4_000,
            "EIP-7623: 40 for each byte that is not zero"
        );
    }

    #[test]
    fn what_failed_with_nearly_all_of_its_gas_gone_ran_dry() {
        let call = |result, gas| TriedCall { result, gas };
        assert!(call(Err(Bytes::new()), Some(99)).ran_dry(100));
        assert!(call(Err(Bytes::new()), Some(9_600)).ran_dry(10_000));
        assert!(!call(Err(Bytes::new()), Some(5_000)).ran_dry(10_000));
        assert!(!call(Ok(Bytes::new()), Some(9_999)).ran_dry(10_000), "it did what it should");
        assert!(!call(Err(Bytes::new()), None).ran_dry(0));
    }
}
