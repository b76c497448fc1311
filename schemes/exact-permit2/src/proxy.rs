//! `x402ExactPermit2Proxy`: its calls, and what they cost in gas.
//!
//! Source: x402's published interface of the proxy. Gas as measured with a USDC-like token: a fresh word of the nonce
//! bitmap is paid for each time, since nonces are random.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall;
use tollway_evm::EvmCall;
use tollway_evm::permit2::{Calls, Eip2612, Moved, Path, Payee, Permit, Proxy, Witness};

mod abi {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct Witness { address to; uint256 validAfter; }
        struct EIP2612Permit { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }
        function settle(PermitTransferFrom permit, address owner, Witness witness, bytes signature) external;
        function settleWithPermit(EIP2612Permit permit2612, PermitTransferFrom permit, address owner, Witness witness, bytes signature) external;
    }
}
use abi::{settleCall, settleWithPermitCall};

/// All that this cell says of itself.
pub(crate) const CALLS: Calls = Calls { proxy: Proxy::Exact, settle, moved, gas };

/// The proxy always moves what was permitted, so `amount` is that and says nothing.
fn settle(said: &Permit, signature: &[u8], _amount: U256, handed_in: Option<&Eip2612>) -> EvmCall {
    let permit = abi::PermitTransferFrom {
        permitted: abi::TokenPermissions { token: said.token, amount: said.amount },
        nonce: said.nonce,
        deadline: said.deadline,
    };
    let witness = abi::Witness { to: said.witness.to, validAfter: said.witness.valid_after };
    let signature = Bytes::copy_from_slice(signature);
    let data = match handed_in {
        None => settleCall { permit, owner: said.from, witness, signature }.abi_encode(),
        Some(handed_in) => {
            let (v, r, s) = handed_in.vrs();
            let permit2612 =
                abi::EIP2612Permit { value: handed_in.amount, deadline: handed_in.deadline, r, s, v };
            settleWithPermitCall { permit2612, permit, owner: said.from, witness, signature }.abi_encode()
        }
    };
    EvmCall { to: said.spender, data: data.into() }
}

fn moved(call: &EvmCall) -> Option<Moved> {
    let (said, from, witness) = match settleCall::abi_decode(&call.data) {
        Ok(c) => (c.permit, c.owner, c.witness),
        Err(_) => {
            settleWithPermitCall::abi_decode(&call.data).ok().map(|c| (c.permit, c.owner, c.witness))?
        }
    };
    let permit = Permit {
        from,
        token: said.permitted.token,
        amount: said.permitted.amount,
        spender: call.to,
        nonce: said.nonce,
        deadline: said.deadline,
        witness: Witness { to: witness.to, facilitator: None, valid_after: witness.validAfter },
    };
    Some(Moved { permit, amount: permit.amount })
}

/// A payee that holds none of the token yet needs a fresh storage slot, which costs 17,100 gas more.
fn gas(path: Path, payee: Payee) -> (&'static str, u64) {
    match (path, payee) {
        (Path::WithPermit, Payee::Holder) => ("permit2.settleWithPermit/holder", 135_498),
        (Path::WithPermit, Payee::New) => ("permit2.settleWithPermit/new", 152_598),
        (_, Payee::Holder) => ("permit2.settle/holder", 98_487),
        (_, Payee::New) => ("permit2.settle/new", 115_587),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, keccak256};

    fn signed() -> Permit {
        Permit {
            from: Address::repeat_byte(1),
            token: Address::repeat_byte(2),
            amount: U256::from(10_000),
            spender: Proxy::Exact.address(),
            nonce: U256::from(7),
            deadline: U256::from(99),
            witness: Witness { to: Address::repeat_byte(3), facilitator: None, valid_after: U256::ZERO },
        }
    }

    #[test]
    fn selectors_are_those_of_the_published_interface() {
        let permit = "((address,uint256),uint256,uint256)";
        let plain = format!("settle({permit},address,(address,uint256),bytes)");
        let with = format!(
            "settleWithPermit((uint256,uint256,bytes32,bytes32,uint8),{permit},address,(address,uint256),bytes)"
        );
        assert_eq!(settleCall::SELECTOR, keccak256(plain)[..4]);
        assert_eq!(settleWithPermitCall::SELECTOR, keccak256(with)[..4]);
    }

    #[test]
    fn what_a_call_moves_is_read_out_of_it() {
        let signed = signed();
        let handed_in = Eip2612::for_permit(&signed, U256::ZERO);
        let right = Moved { permit: signed, amount: U256::from(10_000) };
        for handed_in in [None, Some(&handed_in)] {
            assert_eq!(
                moved(&settle(&signed, &[27; 65], U256::from(1), handed_in)),
                Some(right),
                "all that was permitted"
            );
        }
        let other = EvmCall { to: signed.spender, data: vec![1, 2, 3, 4].into() };
        assert_eq!(moved(&other), None);
    }
}
