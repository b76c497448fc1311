//! The token as this scheme sees it: calls, logs, and what its refusals mean.
//!
//! Source: EIP-3009 for the interface; FiatTokenV2 (USDC) for the wording of reverts.

use crate::payload::split;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{Revert, SolCall, SolError, SolEvent};
use tollway_core::{Blame, Code, Error, Next, Result};
use tollway_evm::eip712::Transfer;
use tollway_evm::{EvmCall, Landing, Looked};

mod abi {
    alloy::sol! {
        function balanceOf(address account) external view returns (uint256);
        function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature) external;
        function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
        event Transfer(address indexed from, address indexed to, uint256 value);
        event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
        event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);
    }
}
use abi::Transfer as TransferLog;
use abi::{AuthorizationCanceled, AuthorizationUsed};
use abi::{authorizationStateCall, balanceOfCall, cancelAuthorizationCall};
use abi::{transferWithAuthorization_0Call, transferWithAuthorization_1Call};

/// `balanceOf(account)`.
pub(crate) fn balance(token: Address, account: Address) -> EvmCall {
    EvmCall { to: token, data: balanceOfCall { account }.abi_encode().into() }
}

/// `authorizationState(from, nonce)`: true once it was used or cancelled.
pub(crate) fn state(token: Address, authorizer: Address, nonce: B256) -> EvmCall {
    EvmCall { to: token, data: authorizationStateCall { authorizer, nonce }.abi_encode().into() }
}

/// `transferWithAuthorization(…, v, r, s)`: the overload that every version of the token has, and the cheapest.
pub(crate) fn transfer(token: Address, said: &Transfer, signature: &[u8; 65]) -> EvmCall {
    let (v, r, s) = split(signature);
    let call = transferWithAuthorization_0Call {
        from: said.from,
        to: said.to,
        value: said.value,
        validAfter: said.valid_after,
        validBefore: said.valid_before,
        nonce: said.nonce,
        v,
        r,
        s,
    };
    EvmCall { to: token, data: call.abi_encode().into() }
}

/// `transferWithAuthorization(…, bytes signature)`: for accounts with code, which are asked by ERC-1271.
pub(crate) fn transfer_by_account(token: Address, said: &Transfer, signature: &[u8]) -> EvmCall {
    let call = transferWithAuthorization_1Call {
        from: said.from,
        to: said.to,
        value: said.value,
        validAfter: said.valid_after,
        validBefore: said.valid_before,
        nonce: said.nonce,
        signature: Bytes::copy_from_slice(signature),
    };
    EvmCall { to: token, data: call.abi_encode().into() }
}

/// `cancelAuthorization(…, v, r, s)`.
pub(crate) fn cancel(token: Address, authorizer: Address, nonce: B256, signature: &[u8; 65]) -> EvmCall {
    let (v, r, s) = split(signature);
    EvmCall { to: token, data: cancelAuthorizationCall { authorizer, nonce, v, r, s }.abi_encode().into() }
}

/// One word of an answer; `None` when nothing, or something else, came back.
pub(crate) fn word(answer: &Bytes) -> Option<U256> {
    (answer.len() == 32).then(|| U256::from_be_slice(answer))
}

/// The number that call `at` of a look answered.
///
/// # Errors
/// [`Code::AssetNotDeployed`] for an empty answer, as an address without code gives; [`Code::UnsupportedMethod`] when
/// the contract knows no such call; [`Code::InvalidAnswer`] for anything else.
pub(crate) fn number(looked: &Looked, at: usize) -> Result<U256> {
    match looked.results.get(at) {
        Some(Ok(answer)) if answer.is_empty() => Err(Error::payee(Code::AssetNotDeployed)
            .detail("nothing is deployed at the asset's address on this chain")),
        Some(Ok(answer)) => word(answer).ok_or_else(|| {
            let found = answer.len();
            Error::network(Code::InvalidAnswer)
                .detail(format!("the token answered {found} bytes where 32 are right"))
        }),
        Some(Err(_)) => Err(Error::payee(Code::UnsupportedMethod)
            .detail("the asset's contract is not a token with EIP-3009 (balanceOf, authorizationState)")),
        None => Err(Error::network(Code::InvalidAnswer).detail("the node left a call unanswered")),
    }
}

/// Topics of a log that says that an authorization was used, or cancelled.
pub(crate) fn topics(used: bool, authorizer: Address, nonce: B256) -> [Option<B256>; 4] {
    let kind = if used { AuthorizationUsed::SIGNATURE_HASH } else { AuthorizationCanceled::SIGNATURE_HASH };
    [Some(kind), Some(authorizer.into_word()), Some(nonce), None]
}

/// True for the log of this very transfer, from the token itself.
pub(crate) fn is_transfer(log: &Landing, token: Address, said: &Transfer) -> bool {
    let want = [TransferLog::SIGNATURE_HASH, said.from.into_word(), said.to.into_word()];
    log.address == token && log.topics == want && word(&log.data) == Some(said.value)
}

/// True when these logs hold the use of this authorization, and the token's next log is its transfer.
///
/// "Next" matters: a transaction may use several authorizations of one payer, and another one's transfer of the same
/// amount must not count for this one. FiatToken and the EIP's reference code both emit the two in this order.
pub(crate) fn used_for(logs: &[Landing], token: Address, said: &Transfer) -> bool {
    let mut own = logs.iter().filter(|log| log.address == token);
    let used = topics(true, said.from, said.nonce);
    own.any(|log| log.topics.iter().copied().map(Some).eq(used.iter().copied().take(3)))
        && own.next().is_some_and(|log| is_transfer(log, token, said))
}

/// What a refusal of the transfer means. Words of a contract are quoted only as far as they are plain text.
pub(crate) fn refusal(revert: &Bytes) -> Error {
    let Ok(Revert { reason }) = Revert::abi_decode(revert) else {
        let selector: String = revert.iter().take(4).map(|b| format!("{b:02x}")).collect();
        return Error::payer(Code::SimulationFailed)
            .next(Next::OtherRoute)
            .detail(format!("the token refuses the transfer without words (error selector 0x{selector})"));
    };
    let low = reason.to_ascii_lowercase();
    let said = |part: &str| low.contains(part);
    let words: String = reason.chars().filter(|c| !c.is_control()).take(120).collect();
    let (code, blame, next, hint) = if said("invalid signature") {
        let hint = "; an account with code did not accept it, or the token's EIP-712 domain is not the name and \
                    version in extra";
        (Code::InvalidSignature, Blame::Payer, Next::Never, hint)
    } else if said("expired") {
        (Code::Expired, Blame::Payer, Next::Never, "")
    } else if said("not yet valid") {
        (Code::NotYetValid, Blame::Payer, Next::Later, "")
    } else if said("used or canceled") || said("authorization is used") {
        (Code::NonceUsed, Blame::Payer, Next::Never, "")
    } else if said("exceeds balance") {
        (Code::InsufficientFunds, Blame::Payer, Next::OtherRoute, "")
    } else if said("blacklist") {
        (Code::SimulationFailed, Blame::Payer, Next::OtherRoute, "; payer or payee is blocked by the issuer")
    } else if said("paused") {
        (Code::SimulationFailed, Blame::Network, Next::Later, "; the issuer has paused the token")
    } else {
        (Code::SimulationFailed, Blame::Payer, Next::OtherRoute, "")
    };
    Error::new(code, blame, next).detail(format!("the token says {words:?}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::TxId;

    fn said() -> Transfer {
        Transfer {
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::from(10),
            valid_after: U256::ZERO,
            valid_before: U256::from(100),
            nonce: B256::repeat_byte(7),
        }
    }
    fn log(address: Address, topics: &[B256], value: u64) -> Landing {
        let data = U256::from(value).to_be_bytes::<32>().to_vec().into();
        Landing { address, topics: topics.to_vec(), data, tx: TxId("t".to_owned()), block: 1 }
    }

    #[test]
    fn calls_and_logs_are_those_of_the_standard() {
        let selector = |call: EvmCall| call.data.get(..4).unwrap().to_vec();
        let token = Address::ZERO;
        assert_eq!(selector(transfer(token, &said(), &[27; 65])), [0xe3, 0xee, 0x16, 0x0e]);
        assert_eq!(selector(transfer_by_account(token, &said(), &[1; 97])), [0xcf, 0x09, 0x29, 0x95]);
        assert_eq!(selector(state(token, said().from, said().nonce)), [0xe9, 0x4a, 0x01, 0x02]);
        assert_eq!(selector(balance(token, token)), [0x70, 0xa0, 0x82, 0x31]);
        assert_eq!(selector(cancel(token, token, said().nonce, &[27; 65])), [0x5a, 0x04, 0x9a, 0x70]);
        let used = alloy::primitives::keccak256("AuthorizationUsed(address,bytes32)");
        assert_eq!(topics(true, said().from, said().nonce)[0], Some(used));
    }

    #[test]
    fn only_the_transfer_that_follows_the_use_counts_for_it() {
        let (token, said) = (Address::repeat_byte(9), said());
        let used = |nonce| log(token, &[AuthorizationUsed::SIGNATURE_HASH, said.from.into_word(), nonce], 0);
        let moved = |address, to: Address, value| {
            log(address, &[TransferLog::SIGNATURE_HASH, said.from.into_word(), to.into_word()], value)
        };
        let (ours, other) = (used(said.nonce), used(B256::ZERO));
        let paid = moved(token, said.to, 10);
        let foreign = moved(Address::ZERO, said.to, 10);
        let judge = |logs: &[&Landing]| {
            used_for(&logs.iter().map(|l| (*l).clone()).collect::<Vec<_>>(), token, &said)
        };
        assert!(judge(&[&ours, &paid]));
        assert!(judge(&[&other, &paid, &ours, &foreign, &paid]), "logs of other contracts do not part them");
        assert!(
            !judge(&[&other, &paid, &ours, &moved(token, said.from, 10)]),
            "another's transfer before it"
        );
        assert!(!judge(&[&ours, &moved(token, said.to, 11), &paid]));
        assert!(!judge(&[&ours, &foreign]) && !judge(&[&paid]) && !judge(&[&ours]) && !judge(&[]));
    }

    #[test]
    fn what_a_contract_says_is_bounded_and_plain() {
        let long = Revert::from("x\u{1b}[31m".repeat(1_000)).abi_encode();
        let e = refusal(&long.into());
        assert!(e.detail.len() < 400 && !e.detail.contains('\u{1b}'), "{e}");
        assert_eq!(refusal(&Bytes::new()).code, Code::SimulationFailed);
        assert_eq!(refusal(&Bytes::from_static(&[8, 0xc3, 0x79, 0xa0, 1])).code, Code::SimulationFailed);
    }
}
