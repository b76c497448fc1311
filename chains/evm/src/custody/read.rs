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
        function approve(address spender, uint256 amount) external returns (bool);
        function increaseAllowance(address spender, uint256 added) external returns (bool);
        function setApprovalForAll(address operator, bool approved) external;
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
    }
    pub(super) mod permit2 {
        alloy::sol! {
            function approve(address token, address spender, uint160 amount, uint48 expiration) external;
            function transferFrom(address from, address to, uint160 amount, address token) external;
        }
    }
}

/// Functions that give tokens away, or the right to take them.
const GIVES: [[u8; 4]; 7] = [
    abi::transferCall::SELECTOR,
    abi::approveCall::SELECTOR,
    abi::increaseAllowanceCall::SELECTOR,
    abi::setApprovalForAllCall::SELECTOR,
    abi::transferFromCall::SELECTOR,
    abi::permit2::approveCall::SELECTOR,
    abi::permit2::transferFromCall::SELECTOR,
];

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
/// [`Code::PolicyDenied`] for one that makes a contract, or gives somebody the right to take tokens.
pub(super) fn transaction(own: Address, tx: &TxEip1559) -> Result<Ask> {
    let chain = chain(tx.chain_id)?;
    let fee = u128::from(tx.gas_limit).saturating_mul(tx.max_fee_per_gas);
    let mut ask = Ask::transaction(chain, fee);
    let TxKind::Call(to) = tx.to else {
        return Err(Refusal::Unknown("a transaction that makes a contract").error());
    };
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
    let gives = selector.is_some_and(|selector| GIVES.contains(&selector));
    ask = ask.calling(Called { to: account, selector, gives });
    let unread = |_| Refusal::Unknown("arguments that are none of their function").error();
    match selector {
        Some(abi::transferCall::SELECTOR) => {
            let call = abi::transferCall::abi_decode_validate(input).map_err(unread)?;
            let payee = Some(address::account(chain, &call.to)?);
            let asset = address::asset(chain, &to)?;
            Ok(ask.leaving(Leaving { asset, atomic: atomic(call.amount)?, payee }))
        }
        Some(abi::approveCall::SELECTOR) => {
            let call = abi::approveCall::abi_decode_validate(input).map_err(unread)?;
            spender(chain, call.spender, PERMIT2)?;
            Ok(ask)
        }
        _ => Ok(ask),
    }
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
