//! Hashes, nonces and salts of auth-capture, by alloy's ABI coder; the plugin will take over.

use crate::evm::{BASE_SEPOLIA, CAPTURE_ESCROW, USDC_BASE_SEPOLIA, account, captures, typehash};
use alloy::primitives::{Address, B256, U256, Uint, b256, keccak256};
use alloy::sol_types::{SolStruct, SolValue};

const SALT: u64 = 0xabc;

/// What is paid, with the payer left out: the payer signs before anybody knows whose payment it is.
fn agnostic(salt: U256) -> B256 {
    let info = captures::PaymentInfo {
        operator: account(0x6666),
        payer: Address::ZERO,
        receiver: account(0x3333),
        token: USDC_BASE_SEPOLIA,
        maxAmount: Uint::from(1_000_000),
        preApprovalExpiry: Uint::from(1_740_675_754u64),
        authorizationExpiry: Uint::from(1_740_758_554u64),
        refundExpiry: Uint::from(1_741_276_954u64),
        minFeeBps: 100,
        maxFeeBps: 100,
        feeReceiver: account(0x7777),
        salt,
    };
    // The contract hashes it without any domain.
    info.eip712_hash_struct()
}

fn nonce(hash: B256) -> B256 {
    keccak256((U256::from(BASE_SEPOLIA), CAPTURE_ESCROW, hash).abi_encode())
}

#[test]
fn unbound() {
    let hash = agnostic(U256::from(SALT));
    assert_eq!(hash, b256!("3419dea13e18399ef6977afd5afb32f244cdfde668c9e046cfb6830117cf7302"));
    assert_eq!(nonce(hash), b256!("9f6164a895f0f14967a14fddb91a30b5605ba4ee72e0fbfdd5715220fcbf87c1"));
}

#[test]
fn bound_to_an_authorizer() {
    let binding = typehash::<captures::x402AuthCaptureSaltBinding>();
    let salt = keccak256((binding, account(0x4444), Address::ZERO, U256::from(SALT)).abi_encode());
    assert_eq!(salt, b256!("f61c8cf2d740f513fcfac7696fb8dcb591ee23cdd89513e5ca1ce0d7a10a7709"));
    let hash = agnostic(salt.into());
    assert_eq!(nonce(hash), b256!("7cf20055ce054c59bb638f58b8615fb55e3b010ffd83abff80e99a71e0940be0"));
}
