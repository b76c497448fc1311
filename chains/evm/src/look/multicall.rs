//! Many calls in one `eth_call`, through Multicall3.

use crate::EvmCall;
use crate::contracts::IMulticall3::{self, Call3};
use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use serde::Serialize;
use std::borrow::Cow;
use tollway_core::{Code, Error};

/// The parameters of an `eth_call`.
pub(crate) type Question = (CallBody, Cow<'static, str>);

/// What is called.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CallBody {
    to: Address,
    data: Bytes,
}

/// One call as it is.
pub(crate) fn plain(to: Address, data: &Bytes, block: impl Into<Cow<'static, str>>) -> Question {
    (CallBody { to, data: data.clone() }, block.into())
}

/// Many calls, each of which may fail on its own.
pub(crate) fn question(
    multicall: Address,
    calls: &[(Address, Bytes)],
    block: impl Into<Cow<'static, str>>,
) -> Question {
    let calls = calls.iter().map(|(target, data)| Call3 {
        target: *target,
        allowFailure: true,
        callData: data.clone(),
    });
    let data = IMulticall3::aggregate3Call { calls: calls.collect() }.abi_encode();
    (CallBody { to: multicall, data: data.into() }, block.into())
}

/// Calls as one transaction: one that is marked may fail, and any other that fails undoes them all.
pub(crate) fn together(multicall: Address, calls: impl IntoIterator<Item = (EvmCall, bool)>) -> EvmCall {
    let calls = calls.into_iter().map(|(call, may_fail)| Call3 {
        target: call.to,
        allowFailure: may_fail,
        callData: call.data,
    });
    let data = IMulticall3::aggregate3Call { calls: calls.collect() }.abi_encode();
    EvmCall { to: multicall, data: data.into() }
}

/// What each call returned, or reverted with, in order.
pub(crate) fn answers(returned: &Bytes, expected: usize) -> tollway_core::Result<Vec<Result<Bytes, Bytes>>> {
    let wrong = |why: &str| Error::network(Code::InvalidAnswer).detail(format!("Multicall3: {why}"));
    if returned.is_empty() {
        return Err(
            Error::caller(Code::NotFound).detail("there is no Multicall3 at its address on this chain")
        );
    }
    let results = IMulticall3::aggregate3Call::abi_decode_returns(returned)
        .map_err(|_| wrong("an answer that is not aggregate3's"))?;
    if results.len() != expected {
        return Err(wrong(&format!("{} answers to {expected} calls", results.len())));
    }
    Ok(results.into_iter().map(|r| if r.success { Ok(r.returnData) } else { Err(r.returnData) }).collect())
}
