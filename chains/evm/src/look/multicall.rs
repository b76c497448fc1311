//! Many calls in one `eth_call`, through Multicall3.

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
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Address>,
    to: Address,
    data: Bytes,
}

/// One call as it is.
pub(crate) fn plain(to: Address, data: &Bytes, block: impl Into<Cow<'static, str>>) -> Question {
    (CallBody { from: None, to, data: data.clone() }, block.into())
}

/// One call as it is, made by somebody.
pub(crate) fn made_by(
    from: Address,
    to: Address,
    data: &Bytes,
    block: impl Into<Cow<'static, str>>,
) -> Question {
    (CallBody { from: Some(from), to, data: data.clone() }, block.into())
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
    (CallBody { from: None, to: multicall, data: data.into() }, block.into())
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
