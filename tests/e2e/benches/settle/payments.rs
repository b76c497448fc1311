//! The payments that every facilitator is given.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use tollway_devnet::{Chain, Devnet};
use tollway_e2e::Outcome;
use tollway_e2e::header::Draft;

/// What each payment is for, in the token's smallest unit: a cent.
pub(crate) const AMOUNT: u128 = 10_000;

/// The `n`th payment.
pub(crate) fn payment(devnet: &Devnet, n: usize) -> Outcome<Value> {
    let (chain, accounts): (&Chain, _) = (&devnet.chains()[0], devnet.accounts());
    let accepted = json!({
        "scheme": "exact",
        "network": chain.spec().caip2(),
        "asset": chain.usdc(),
        "amount": AMOUNT.to_string(),
        "payTo": accounts.merchant(0).address(),
        "maxTimeoutSeconds": 600,
        "extra": { "name": chain.spec().usdc_name, "version": "2" },
    });
    let resource = json!({ "url": "https://shop.example/a", "description": "", "mimeType": "text/plain" });
    let challenge = json!({ "accepts": [accepted], "resource": resource });
    Ok(Draft::new(&challenge, accounts.payer(n).private_key())?.sign())
}

/// The request to a facilitator's `/settle`.
pub(crate) fn body(payment: &Value) -> String {
    json!({ "x402Version": 2, "paymentPayload": payment, "paymentRequirements": payment["accepted"] })
        .to_string()
}

mod abi {
    alloy::sol! {
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
            uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    }
}

/// The call that settles a payment.
pub(crate) fn transfer(payment: &Value, to: Address) -> Outcome<Bytes> {
    let said = &payment["payload"]["authorization"];
    let word = |name: &str| said[name].as_str().ok_or("no word");
    let signature =
        hex::decode(payment["payload"]["signature"].as_str().ok_or("none")?.trim_start_matches("0x"))?;
    let call = abi::transferWithAuthorizationCall {
        from: word("from")?.parse()?,
        to,
        value: word("value")?.parse()?,
        validAfter: U256::ZERO,
        validBefore: word("validBefore")?.parse()?,
        nonce: word("nonce")?.parse()?,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    };
    Ok(call.abi_encode().into())
}
