//! What a signature would do, read from what is signed.

use super::Message;
use crate::address;
use crate::permit2::{PERMIT2, Proxy};
use alloy::consensus::TxEip1559;
use alloy::primitives::{Address, TxKind, U256};
use alloy::sol_types::SolCall;
use tollway_core::custody::{Ask, Called, Leaving, Refusal};
use tollway_core::{AssetId, ChainId, Code, Error, Result, Time};

mod abi {
    alloy::sol! {
        function transfer(address to, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
        function increaseAllowance(address spender, uint256 added) external returns (bool);
        function increaseApproval(address spender, uint256 added) external returns (bool);
    }
}

/// Functions that give tokens away, or the right to take them, in ways that no limit is held against. None is signed, whatever
/// is on the list of calls.
const GIVE_UNREAD: [([u8; 4], &str); 13] = [
    ([0xa2, 0x2c, 0xb4, 0x65], "setApprovalForAll(address,bool)"),
    ([0x42, 0x84, 0x2e, 0x0e], "safeTransferFrom(address,address,uint256)"),
    ([0xb8, 0x8d, 0x4f, 0xde], "safeTransferFrom(address,address,uint256,bytes)"),
    ([0xf2, 0x42, 0x43, 0x2a], "safeTransferFrom(address,address,uint256,uint256,bytes)"),
    ([0x12, 0x96, 0xee, 0x62], "transferAndCall(address,uint256)"),
    ([0x40, 0x00, 0xae, 0xa0], "transferAndCall(address,uint256,bytes)"),
    ([0x31, 0x77, 0x02, 0x9f], "approveAndCall(address,uint256)"),
    ([0xca, 0xe9, 0xca, 0x51], "approveAndCall(address,uint256,bytes)"),
    ([0x9b, 0xd9, 0xbb, 0xc6], "send(address,uint256,bytes)"),
    ([0x95, 0x9b, 0x8c, 0x3f], "authorizeOperator(address)"),
    ([0x87, 0x51, 0x7c, 0x45], "approve(address,address,uint160,uint48)"),
    ([0x36, 0xc7, 0x85, 0x16], "transferFrom(address,address,uint160,address)"),
    ([0x0d, 0x58, 0xb1, 0xdb], "transferFrom((address,address,uint160,address)[])"),
];

/// Rollups charge for a transaction's bytes on top of gas times price. Settlements have a few hundred, a few thousand with
/// an account's signature.
const INPUT_MAX_BYTES: usize = 16 * 1_024;

/// Reads a message.
///
/// # Errors
/// [`Code::PolicyDenied`] for an allowance to anybody but x402's contracts.
pub(super) fn message(message: &Message<'_>) -> Result<Ask> {
    let chain = chain(message.chain_id())?;
    let leaving = |token: Address, amount: U256, payee: Option<Address>| -> Result<Leaving> {
        let payee = payee.map(|payee| address::account(chain, &payee)).transpose()?;
        Ok(Leaving { asset: address::asset(chain, &token)?, atomic: atomic(amount)?, payee })
    };
    let ask = |until: U256| Ask::message(chain, message.primary_type(), moment(until));
    match message {
        Message::Transfer { token, said } => {
            Ok(ask(said.valid_before).leaving(leaving(token.token, said.value, Some(said.to))?))
        }
        // Moves nothing, but only tokens that are known are spoken to.
        Message::Cancel { token, .. } => Ok(ask(U256::ZERO).leaving(leaving(token.token, U256::ZERO, None)?)),
        Message::Permit { token, said } => {
            spender(chain, said.spender, PERMIT2)?;
            if said.asset != token.token {
                return Err(Refusal::Unknown("a permit for another token than its domain's").error());
            }
            // Permit2 moves it at a further signature of this key alone, and that one is summed.
            let whole = said.deadline.saturating_add(U256::from(1));
            Ok(ask(whole).leaving(leaving(token.token, said.amount, None)?))
        }
        Message::Permit2 { said, .. } => {
            let proxy = if said.witness.facilitator.is_some() { Proxy::Upto } else { Proxy::Exact };
            // Anybody else would be free to disregard the payee in the witness.
            spender(chain, said.spender, proxy.address())?;
            let whole = said.deadline.saturating_add(U256::from(1));
            Ok(ask(whole).leaving(leaving(said.token, said.amount, Some(said.witness.to))?))
        }
    }
}

/// Reads a transaction of `own`.
///
/// # Errors
/// [`Code::PolicyDenied`] for one that makes a contract, has an access list, or gives somebody the right to take tokens.
pub(super) fn transaction(own: Address, tx: &TxEip1559) -> Result<Ask> {
    let chain = chain(tx.chain_id)?;
    let fee = u128::from(tx.gas_limit).saturating_mul(tx.max_fee_per_gas);
    let mut ask = Ask::transaction(chain, fee);
    let TxKind::Call(to) = tx.to else {
        return Err(Refusal::Unknown("a transaction that makes a contract").error());
    };
    if !tx.access_list.is_empty() {
        // Nothing here makes one. It is paid for whether it is used or not, and nothing would be said of what is in it.
        return Err(Refusal::Unknown("a transaction with an access list").error());
    }
    let input = tx.input.as_ref();
    if to == own && tx.value.is_zero() && input.is_empty() {
        // How a gap in the nonces is filled: nothing moves but the fee.
        return Ok(ask);
    }
    let account = address::account(chain, &to)?;
    if !tx.value.is_zero() {
        let (asset, atomic) = (AssetId::native(chain), atomic(tx.value)?);
        ask = ask.leaving(Leaving { asset, atomic, payee: Some(account) });
    }
    let selector = input.first_chunk::<4>().copied();
    ask = ask.calling(Called { to: account, selector, by_selector: !input.is_empty() });
    if input.len() > INPUT_MAX_BYTES {
        return Err(Refusal::Unknown("a call with more than 16 KiB of arguments").error());
    }
    match selector {
        Some(selector) => arguments(ask, to, selector, input),
        None => Ok(ask),
    }
}

/// What a function's arguments give away.
fn arguments(ask: Ask, token: Address, selector: [u8; 4], input: &[u8]) -> Result<Ask> {
    let chain = ask.chain;
    let unread = |_| Refusal::Unknown("arguments that are none of their function").error();
    let leaving = |ask: Ask, payee: Address, amount: U256| -> Result<Ask> {
        let (asset, payee) = (address::asset(chain, &token)?, address::account(chain, &payee)?);
        Ok(ask.leaving(Leaving { asset, atomic: atomic(amount)?, payee: Some(payee) }))
    };
    let allowed = match selector {
        abi::transferCall::SELECTOR => {
            let call = abi::transferCall::abi_decode_validate(input).map_err(unread)?;
            return leaving(ask, call.to, call.amount);
        }
        // Of whomever: what this key was allowed to take counts as its own.
        abi::transferFromCall::SELECTOR => {
            let call = abi::transferFromCall::abi_decode_validate(input).map_err(unread)?;
            return leaving(ask, call.to, call.amount);
        }
        abi::approveCall::SELECTOR => abi::approveCall::abi_decode_validate(input).map(|call| call.spender),
        abi::increaseAllowanceCall::SELECTOR => {
            abi::increaseAllowanceCall::abi_decode_validate(input).map(|call| call.spender)
        }
        abi::increaseApprovalCall::SELECTOR => {
            abi::increaseApprovalCall::abi_decode_validate(input).map(|call| call.spender)
        }
        _ if GIVE_UNREAD.iter().any(|(known, _)| *known == selector) => {
            return Err(Refusal::Unknown("a call that gives tokens away, or the right to take them").error());
        }
        _ => return Ok(ask),
    };
    // What Permit2 may take needs a further signature of this key, and that one is held to the limits.
    spender(chain, allowed.map_err(unread)?, PERMIT2)?;
    Ok(ask)
}

fn spender(chain: ChainId, found: Address, right: Address) -> Result<()> {
    if found == right {
        return Ok(());
    }
    Err(Refusal::Spender(address::account(chain, &found)?).error())
}

fn chain(id: u64) -> Result<ChainId> {
    ChainId::new(&format!("eip155:{id}"))
}

/// What no limit could hold is refused, whatever the limit.
fn atomic(amount: U256) -> Result<u128> {
    u128::try_from(amount).map_err(|_| {
        let words = "the key's policy: an amount of more than 128 bits is within no limit";
        Error::new(Code::PolicyDenied, tollway_core::Blame::Payer, tollway_core::Next::OtherRoute)
            .detail(words)
    })
}

/// 256-bit seconds; what does not fit is later than any real moment.
fn moment(seconds: U256) -> Time {
    u64::try_from(seconds).map_or(Time::FAR, Time::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_their_functions() {
        for (selector, signature) in GIVE_UNREAD {
            let hash = alloy::primitives::keccak256(signature);
            assert_eq!(Some(&selector[..]), hash.get(..4), "{signature}");
        }
    }
}
