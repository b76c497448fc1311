//! The stand-in for USDC refuses what the real token refuses, in its words.
mod common;

use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::providers::Provider;
use alloy::sol_types::{Eip712Domain, SolCall};
use common::*;
use serde_json::json;
use tollway_devnet::{Chain, ChainSpec, Devnet, USDC_MASTER};

async fn base() -> Devnet {
    Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap()
}

#[tokio::test]
async fn each_wrong_payment_is_refused_in_the_real_tokens_words() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let accounts = devnet.accounts();
    let (payer, thief, settler) = (accounts.payer(0), accounts.payer(1), accounts.settler(0));
    let merchant = accounts.merchant(0).address();
    let client = client(chain, settler);
    let ours = domain(chain.spec());
    let good = || payment(payer, merchant, 1_000, "refusals");
    let refusal = async |message: TransferWithAuthorization, signature: [u8; 65]| {
        revert(&client, settler, chain.usdc(), transfer_call(&message, signature)).await
    };
    let signed_by_payer = |message: &TransferWithAuthorization| sign(payer, &ours, message);

    const INVALID: &str = "FiatTokenV2: invalid signature";
    assert_eq!(refusal(good(), sign(thief, &ours, &good())).await, INVALID);
    let mut dearer = good();
    dearer.value += U256::ONE;
    assert_eq!(refusal(dearer, signed_by_payer(&good())).await, INVALID);
    let elsewhere = Eip712Domain { chain_id: Some(U256::ONE), ..ours.clone() };
    assert_eq!(refusal(good(), sign(payer, &elsewhere, &good())).await, INVALID);
    let misnamed = Eip712Domain { name: Some("USDC".into()), ..ours.clone() };
    assert_eq!(refusal(good(), sign(payer, &misnamed, &good())).await, INVALID);

    let now = chain.timestamp().await.unwrap();
    let early = TransferWithAuthorization { validAfter: U256::from(now + 500), ..good() };
    let signature = signed_by_payer(&early);
    assert_eq!(refusal(early, signature).await, "FiatTokenV2: authorization is not yet valid");
    let late = TransferWithAuthorization { validBefore: U256::from(now - 1), ..good() };
    let signature = signed_by_payer(&late);
    assert_eq!(refusal(late, signature).await, "FiatTokenV2: authorization is expired");
    let rich = TransferWithAuthorization { value: U256::from(u64::MAX), ..good() };
    let signature = signed_by_payer(&rich);
    assert_eq!(refusal(rich, signature).await, "ERC20: transfer amount exceeds balance");
    let nowhere = TransferWithAuthorization { to: Address::ZERO, ..good() };
    let signature = signed_by_payer(&nowhere);
    assert_eq!(refusal(nowhere, signature).await, "ERC20: transfer to the zero address");
    let mut odd = signed_by_payer(&good());
    odd[64] = 5;
    assert_eq!(refusal(good(), odd).await, "ECRecover: invalid signature 'v' value");
    let mut high = signed_by_payer(&good());
    high[32..64].fill(0xff);
    assert_eq!(refusal(good(), high).await, "ECRecover: invalid signature 's' value");

    chain.blacklist_usdc(payer.address(), true).await.unwrap();
    let listed = "Blacklistable: account is blacklisted";
    assert_eq!(refusal(good(), signed_by_payer(&good())).await, listed);
    chain.blacklist_usdc(payer.address(), false).await.unwrap();
    chain.pause_usdc(true).await.unwrap();
    assert_eq!(refusal(good(), signed_by_payer(&good())).await, "Pausable: paused");
    chain.pause_usdc(false).await.unwrap();

    let data = transfer_call(&good(), signed_by_payer(&good()));
    assert!(send(&client, chain.usdc(), data).await.status());
    let used = "FiatTokenV2: authorization is used or canceled";
    assert_eq!(refusal(good(), signed_by_payer(&good())).await, used);
}

#[tokio::test]
async fn receiving_cancelling_permitting_and_minting_work() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let accounts = devnet.accounts();
    let (payer, merchant) = (accounts.payer(2), accounts.merchant(0));
    let (client, ours) = (client(chain, merchant), domain(chain.spec()));

    let receive = receive(payer, &ours, merchant.address(), "receive");
    let stranger = revert(&client, payer, chain.usdc(), receive.abi_encode()).await;
    assert_eq!(stranger, "FiatTokenV2: caller must be the payee");
    assert!(send(&client, chain.usdc(), receive.abi_encode()).await.status());

    let nonce = keccak256("cancelled");
    let message = CancelAuthorization { authorizer: address(payer.address()), nonce };
    let signature = bytes(sign(payer, &ours, &message));
    let cancel = cancelAuthorizationCall { authorizer: message.authorizer, nonce, signature };
    assert!(send(&client, chain.usdc(), cancel.abi_encode()).await.status());
    let late = signed_payment(chain, payer, merchant.address(), 1, "cancelled");
    let refused = revert(&client, merchant, chain.usdc(), late).await;
    assert_eq!(refused, "FiatTokenV2: authorization is used or canceled");

    let (owner, spender) = (address(payer.address()), address(merchant.address()));
    let permit = Permit { owner, spender, value: U256::from(77), nonce: U256::ZERO, deadline: U256::MAX };
    let signature = bytes(sign(payer, &ours, &permit));
    let call = permitCall { owner, spender, value: permit.value, deadline: permit.deadline, signature };
    assert!(send(&client, chain.usdc(), call.abi_encode()).await.status());
    assert_eq!(read(&client, chain.usdc(), allowanceCall { owner, spender }).await, U256::from(77));
    assert_eq!(
        revert(&client, merchant, chain.usdc(), call.abi_encode()).await,
        "EIP2612: invalid signature"
    );

    let before = chain.usdc_balance(merchant.address()).await.unwrap();
    chain.mint_usdc(merchant.address(), 5).await.unwrap();
    chain.call("anvil_impersonateAccount", json!([USDC_MASTER])).await.unwrap();
    let data = Bytes::from(mintCall { to: spender, amount: U256::from(7) }.abi_encode());
    let mint = json!([{"from": USDC_MASTER, "to": chain.usdc(), "data": data}]);
    chain.call("eth_sendTransaction", mint).await.unwrap();
    assert_eq!(chain.usdc_balance(merchant.address()).await.unwrap(), before + 12);
}

fn receive(
    payer: &tollway_devnet::Account,
    ours: &Eip712Domain,
    to: &str,
    salt: &str,
) -> receiveWithAuthorizationCall {
    let TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce } =
        payment(payer, to, 1_000, salt);
    let message = ReceiveWithAuthorization { from, to, value, validAfter, validBefore, nonce };
    let signature = bytes(sign(payer, ours, &message));
    receiveWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, signature }
}

/// A wallet contract that says yes to every signature: PUSH4 the ERC-1271 magic, left-aligned, and return it.
const YES: &str = "0x631626ba7e60e01b60005260206000f3";

#[tokio::test]
async fn a_contract_answers_for_its_own_signature() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let settler = devnet.accounts().settler(0);
    let client = client(chain, settler);
    let wallet = "0x00000000000000000000000000000000000cAfe1";
    chain.set_code(wallet, YES).await.unwrap();
    chain.set_usdc_balance(wallet, 500).await.unwrap();
    let merchant = devnet.accounts().merchant(1).address();
    let message =
        TransferWithAuthorization { from: address(wallet), ..payment(settler, merchant, 500, "contract") };
    let data = transfer_call(&message, [0; 65]);
    assert!(send(&client, chain.usdc(), data).await.status());
    assert_eq!(paid(chain, merchant).await, 500);
    chain.set_code(wallet, "0x60006000fd").await.unwrap();
    let message = TransferWithAuthorization { nonce: keccak256("other"), ..message };
    let refused = revert(&client, settler, chain.usdc(), transfer_call(&message, [0; 65])).await;
    assert_eq!(refused, "FiatTokenV2: invalid signature");
}

async fn paid(chain: &Chain, merchant: &str) -> u128 {
    chain.usdc_balance(merchant).await.unwrap()
}

#[tokio::test]
async fn feeds_answer_and_grow_stale() {
    let devnet = Devnet::builder().start().await.unwrap();
    for chain in devnet.chains() {
        let client = client(chain, devnet.accounts().settler(0));
        let feed = chain.spec().eth_usd_feed;
        assert_eq!(read(&client, feed, decimalsCall {}).await, 8);
        assert_eq!(read(&client, feed, descriptionCall {}).await, "ETH / USD");
        assert_eq!(read(&client, chain.spec().usdc_usd_feed, descriptionCall {}).await, "USDC / USD");
        chain.set_eth_usd_e8(300_000_000_000).await.unwrap();
        let round = read(&client, feed, latestRoundDataCall {}).await;
        assert_eq!(round.answer.to_string(), "300000000000");
        assert_eq!(round.updatedAt, U256::from(chain.timestamp().await.unwrap()));
        chain.set_usdc_usd_e8_at(97_000_000, 1_700_000_000).await.unwrap();
        let round = read(&client, chain.spec().usdc_usd_feed, latestRoundDataCall {}).await;
        assert_eq!(round.answer.to_string(), "97000000");
        assert_eq!(round.updatedAt, U256::from(1_700_000_000_u64));
    }
}

#[tokio::test]
async fn time_snapshots_and_reorgs_move_the_chain() {
    let devnet = base().await;
    let chain = devnet.chain(8453).unwrap();
    let accounts = devnet.accounts();
    let client = client(chain, accounts.settler(0));
    let merchant = accounts.merchant(0).address();
    let (before, at) = (paid(chain, merchant).await, chain.timestamp().await.unwrap());
    chain.advance_time(Duration::from_secs(3_600)).await.unwrap();
    assert!(chain.timestamp().await.unwrap() >= at + 3_600);

    let snapshot = chain.snapshot().await.unwrap();
    let far =
        TransferWithAuthorization { validBefore: U256::MAX, ..payment(accounts.payer(0), merchant, 9, "s") };
    let data = transfer_call(&far, sign(accounts.payer(0), &domain(chain.spec()), &far));
    let receipt = send(&client, chain.usdc(), data.clone()).await;
    assert_eq!(paid(chain, merchant).await, before + 9);
    chain.revert(snapshot).await.unwrap();
    assert_eq!(paid(chain, merchant).await, before);
    assert!(client.get_transaction_receipt(receipt.transaction_hash).await.unwrap().is_none());

    let fresh = common::client(chain, accounts.settler(1));
    let receipt = send(&fresh, chain.usdc(), data).await;
    chain.reorg(1).await.unwrap();
    assert_eq!(paid(chain, merchant).await, before);
    assert!(client.get_transaction_receipt(receipt.transaction_hash).await.unwrap().is_none());
    assert_eq!(chain.next_base_fee_wei().await.unwrap(), chain.spec().base_fee_wei);
}
