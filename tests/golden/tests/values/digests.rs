//! Digests of Permit2 payments and of payment channels, by alloy's EIP-712; the plugins will take over.

use crate::evm::{
    BASE_SEPOLIA, EXACT_PROXY, PERMIT2_DEPOSITS, UPTO_PROXY, USDC_BASE_SEPOLIA, account, batch, batches,
    channel, exact, permit2, permitted, upto,
};
use alloy::primitives::{B256, U256, b256, keccak256};
use alloy::sol_types::{SolStruct, SolValue};

const CHANNEL: B256 = b256!("e71c6f72c78548e24390103d94c967a1f67c3a89cfaeace360e4f534ddd01a45");

#[test]
fn of_exact() {
    let (amount, nonce, deadline) = permitted();
    let permit = exact::PermitWitnessTransferFrom {
        permitted: exact::TokenPermissions { token: USDC_BASE_SEPOLIA, amount },
        spender: EXACT_PROXY,
        nonce,
        deadline,
        witness: exact::Witness { to: account(0x3333), validAfter: U256::ZERO },
    };
    assert_eq!(
        permit.eip712_signing_hash(&permit2(BASE_SEPOLIA)),
        b256!("c225c2f451785e67c13d7f5297b480bed6ffd0f4440dec88866ea28b6b668e70")
    );
}

#[test]
fn of_upto() {
    let (amount, nonce, deadline) = permitted();
    let permit = upto::PermitWitnessTransferFrom {
        permitted: upto::TokenPermissions { token: USDC_BASE_SEPOLIA, amount },
        spender: UPTO_PROXY,
        nonce,
        deadline,
        witness: upto::Witness { to: account(0x3333), facilitator: account(0x5555), validAfter: U256::ZERO },
    };
    assert_eq!(
        permit.eip712_signing_hash(&permit2(BASE_SEPOLIA)),
        b256!("6d8927dd4b2a4e4e14da496c0ec444819ac2e63bca08c2419af4fe3cfd5397ea")
    );
}

#[test]
fn of_a_channel() {
    assert_eq!(channel().eip712_signing_hash(&batch(BASE_SEPOLIA)), CHANNEL);
}

#[test]
fn of_a_voucher() {
    let voucher = batches::Voucher { channelId: CHANNEL, maxClaimableAmount: 1_000 };
    assert_eq!(
        voucher.eip712_signing_hash(&batch(BASE_SEPOLIA)),
        b256!("ba7944a7ac22f5b962bfdf14be1fe029028ce95837a9d66c67e199829ca3897d")
    );
}

#[test]
fn of_deposits() {
    assert_eq!(
        keccak256((CHANNEL, U256::from(1)).abi_encode()),
        b256!("069c2e38e882a53c3616bf2be932bb0121c77fd5431a5b67e6269dbb450f3e1d")
    );
    let (amount, nonce, deadline) = permitted();
    let permit = batches::PermitWitnessTransferFrom {
        permitted: batches::TokenPermissions { token: USDC_BASE_SEPOLIA, amount },
        spender: PERMIT2_DEPOSITS,
        nonce,
        deadline,
        witness: batches::DepositWitness { channelId: CHANNEL },
    };
    assert_eq!(
        permit.eip712_signing_hash(&permit2(BASE_SEPOLIA)),
        b256!("5a5fe23638d8f3ae5b8f4385eb61df170d96f15bd8972be04c9a987e000fee52")
    );
}

#[test]
fn of_refunds_and_claims() {
    let refund = batches::Refund { channelId: CHANNEL, nonce: U256::ZERO, amount: 5 };
    assert_eq!(
        refund.eip712_signing_hash(&batch(BASE_SEPOLIA)),
        b256!("1a962e7167611c4478c63bd4b8ca44886ca78d4d4c38399dc2dfd6710c5e6f64")
    );
    let entry = batches::ClaimEntry { channelId: CHANNEL, maxClaimableAmount: 1_000, totalClaimed: 700 };
    let claims = batches::ClaimBatch { claims: vec![entry] };
    assert_eq!(
        claims.eip712_signing_hash(&batch(BASE_SEPOLIA)),
        b256!("c4d998c6385584ec1142a070c23e3b066f4ecabdb76b22bdfe9de8b9b27a41da")
    );
}
