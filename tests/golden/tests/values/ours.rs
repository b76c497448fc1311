//! The values that Tollway's own code computes.

use crate::evm::{DEADLINE, NONCE, USDC_BASE_SEPOLIA, account, tokens, typehash};
use alloy::primitives::{U256, b256};
use alloy::sol_types::{SolStruct, eip712_domain};
use tollway_core::wire::read_requirement;
use tollway_core::{Code, Json, Leg, Order, Payment, Requirement, Version};
use tollway_evm::FAMILY;
use tollway_evm::eip712::{RECEIVE_TYPEHASH, TRANSFER_TYPEHASH, Transfer, known_separator};
use tollway_evm::keys::LocalKey;

/// As a seller would offer the sample.
fn requirement(chain: &str, asset: &str, name: &str) -> Requirement {
    let raw = format!(
        r#"{{"scheme":"exact","network":"{chain}","amount":"10000","asset":"{asset}","payTo":"{}","maxTimeoutSeconds":60,"extra":{{"name":"{name}","version":"2"}}}}"#,
        account(0x3333)
    );
    read_requirement(&Json::parse(raw).unwrap(), Version::V2, &[FAMILY]).unwrap()
}

fn sample() -> Transfer {
    Transfer {
        from: account(0x1111),
        to: account(0x3333),
        value: U256::from(10_000),
        valid_after: U256::ZERO,
        valid_before: U256::from(DEADLINE),
        nonce: NONCE,
    }
}

#[test]
fn typehashes() {
    assert_eq!(TRANSFER_TYPEHASH, b256!("7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267"));
    assert_eq!(RECEIVE_TYPEHASH, b256!("d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8"));
    assert_eq!(typehash::<tokens::TransferWithAuthorization>(), TRANSFER_TYPEHASH);
    assert_eq!(typehash::<tokens::ReceiveWithAuthorization>(), RECEIVE_TYPEHASH);
}

#[test]
fn separators_of_tokens() {
    let of = |chain, asset, name| known_separator(&requirement(chain, asset, name).price.asset());
    assert_eq!(
        of("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
        Ok(b256!("02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f"))
    );
    assert_eq!(
        of("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
        Ok(b256!("71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818"))
    );
}

#[test]
fn digest_of_a_transfer() {
    let asset = requirement("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC");
    let separator = known_separator(&asset.price.asset()).unwrap();
    let golden = b256!("c5df6db0d7fba7964bc0c71b492de80dd50b98b90976cacc4148c7730c2bfd7a");
    assert_eq!(sample().digest(&separator), golden);
}

/// The digest again, but from a payload on the wire, through the plugin's `read`: a signature over the golden number
/// is the payer's, and one over its neighbour is not. The payer is a key of ours here, so its number is computed with
/// alloy; with the sample's payer it would be the golden one.
#[test]
fn digest_through_the_plugin() {
    let key = LocalKey::from_bytes(&[7; 32]).unwrap();
    let want = requirement("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC");
    let domain = eip712_domain! {
        name: "USDC", version: "2", chain_id: 84532, verifying_contract: USDC_BASE_SEPOLIA,
    };
    let said = |from| tokens::TransferWithAuthorization {
        from,
        to: account(0x3333),
        value: U256::from(10_000),
        validAfter: U256::ZERO,
        validBefore: U256::from(DEADLINE),
        nonce: NONCE,
    };
    let golden = b256!("c5df6db0d7fba7964bc0c71b492de80dd50b98b90976cacc4148c7730c2bfd7a");
    assert_eq!(said(account(0x1111)).eip712_signing_hash(&domain), golden);
    let read = |digest| {
        let signature = alloy::hex::encode_prefixed(key.sign(&digest).as_bytes());
        let payload = format!(
            r#"{{"signature":"{signature}","authorization":{{"from":"{}","to":"{}","value":"10000","validAfter":"0","validBefore":"{DEADLINE}","nonce":"{NONCE}"}}}}"#,
            key.address(),
            account(0x3333),
        );
        let payload = Json::parse(payload).unwrap();
        let payment = Payment { accepted: want.clone(), payload, extensions: None, resource: None };
        tollway_exact_eip3009::read_by_key(&Order { leg: Leg::After, requirement: want.clone(), payment })
    };
    let own = said(key.address()).eip712_signing_hash(&domain);
    let payer = read(own).unwrap().payer.unwrap();
    assert!(payer.address().eq_ignore_ascii_case(&key.address().to_string()));
    assert_eq!(read(golden).unwrap_err().code, Code::InvalidSignature);
}
