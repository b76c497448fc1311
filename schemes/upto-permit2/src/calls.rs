//! The calls of `x402UptoPermit2Proxy`, and what they cost before anything was learned.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall;
use tollway_evm::EvmCall;
use tollway_evm::permit2::{self, Calls, Eip2612, Moved, Path, Payee, Permit, Proxy};

mod abi {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct Witness { address to; address facilitator; uint256 validAfter; }
        struct EIP2612Permit { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }
        function settle(PermitTransferFrom permit, uint256 amount, address owner, Witness witness, bytes signature)
            external;
        function settleWithPermit(EIP2612Permit permit2612, PermitTransferFrom permit, uint256 amount, address owner,
            Witness witness, bytes signature) external;
    }
}
use abi::{EIP2612Permit, PermitTransferFrom, TokenPermissions, Witness, settleCall, settleWithPermitCall};

/// What this cell says of itself to all that it shares.
pub(crate) const CALLS: Calls = Calls { proxy: Proxy::Upto, settle, moved, gas };

/// `settle(…)`, or with an EIP-2612 permit `settleWithPermit(…)`: moves `amount` of what was signed for.
fn settle(said: &Permit, signature: &[u8], amount: U256, handed_in: Option<&Eip2612>) -> EvmCall {
    let (permit, owner, witness) = (permit(said), said.from, witness(said));
    let signature = Bytes::copy_from_slice(signature);
    let data = match handed_in {
        None => settleCall { permit, amount, owner, witness, signature }.abi_encode(),
        Some(handed_in) => {
            let (v, r, s) = handed_in.vrs();
            let permit2612 = EIP2612Permit { value: handed_in.amount, deadline: handed_in.deadline, r, s, v };
            settleWithPermitCall { permit2612, permit, amount, owner, witness, signature }.abi_encode()
        }
    };
    EvmCall { to: Proxy::Upto.address(), data: data.into() }
}

fn permit(said: &Permit) -> PermitTransferFrom {
    PermitTransferFrom {
        permitted: TokenPermissions { token: said.token, amount: said.amount },
        nonce: said.nonce,
        deadline: said.deadline,
    }
}

fn witness(said: &Permit) -> Witness {
    Witness {
        to: said.witness.to,
        // A permit of this cell always names one; nobody could settle for the zero address.
        facilitator: said.witness.facilitator.unwrap_or_default(),
        validAfter: said.witness.valid_after,
    }
}

fn moved(call: &EvmCall) -> Option<Moved> {
    let (said, amount, from, witness) = match settleCall::abi_decode(&call.data) {
        Ok(c) => (c.permit, c.amount, c.owner, c.witness),
        Err(_) => {
            let c = settleWithPermitCall::abi_decode(&call.data).ok()?;
            (c.permit, c.amount, c.owner, c.witness)
        }
    };
    let permit = Permit {
        from,
        token: said.permitted.token,
        amount: said.permitted.amount,
        spender: call.to,
        nonce: said.nonce,
        deadline: said.deadline,
        witness: permit2::Witness {
            to: witness.to,
            facilitator: Some(witness.facilitator),
            valid_after: witness.validAfter,
        },
    };
    Some(Moved { permit, amount })
}

/// Measured on USDC behind its proxy. A payee that holds none of the token yet needs a fresh storage slot: 17,100 more.
const fn gas(path: Path, payee: Payee) -> (&'static str, u64) {
    match (path, payee) {
        (Path::WithPermit, Payee::New) => ("upto.settleWithPermit/new", 153_677),
        (Path::WithPermit, Payee::Holder) => ("upto.settleWithPermit/holder", 136_577),
        (_, Payee::New) => ("upto.settle/new", 116_666),
        (_, Payee::Holder) => ("upto.settle/holder", 99_566),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, keccak256};

    const PERMIT: &str = "((address,uint256),uint256,uint256)";

    fn signed() -> Permit {
        Permit {
            from: Address::repeat_byte(1),
            token: Address::repeat_byte(2),
            amount: U256::from(1_000),
            spender: Proxy::Upto.address(),
            nonce: U256::from(7),
            deadline: U256::from(99),
            witness: permit2::Witness {
                to: Address::repeat_byte(3),
                facilitator: Some(Address::repeat_byte(5)),
                valid_after: U256::ZERO,
            },
        }
    }

    #[test]
    fn calls_are_the_published_ones_and_are_read_again() {
        let handed_in = Eip2612::for_permit(&signed(), U256::ZERO);
        let tail = format!("{PERMIT},uint256,address,(address,address,uint256),bytes");
        for (handed_in, name) in [
            (None, format!("settle({tail})")),
            (Some(&handed_in), format!("settleWithPermit((uint256,uint256,bytes32,bytes32,uint8),{tail})")),
        ] {
            let call = settle(&signed(), &[27; 65], U256::from(250), handed_in);
            assert_eq!(call.data[..4], keccak256(&name)[..4], "{name}");
            let moved = moved(&call).unwrap();
            assert_eq!(moved.amount, U256::from(250), "what is charged, not what was permitted");
            assert_eq!(moved.permit, signed(), "every term");
        }
        assert!(moved(&EvmCall { to: Proxy::Upto.address(), data: vec![1, 2, 3, 4].into() }).is_none());
    }
}
