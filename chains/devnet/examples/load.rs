//! How many settlements a second one chain takes: `cargo run --release --example load -- [count]`.
//!
//! Signs the transactions first, then sends them from all settlers at once, straight to the node and through the
//! proxy, and waits for every receipt.

use std::time::Instant;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolStruct, eip712_domain};
use serde_json::{Value, json};
use tollway_devnet::{ChainSpec, Devnet};

alloy::sol! {
    struct TransferWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
}

type Boxed<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Boxed<()> {
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(400);
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).settlers(16).start().await?;
    let chain = devnet.chain(8453)?;
    let mut work = Vec::new();
    for round in 0..2 {
        let settlers = devnet.accounts().settlers().iter().enumerate();
        let each = count / devnet.accounts().settlers().len();
        let signed: Boxed<Vec<Vec<String>>> = settlers
            .map(|(i, settler)| {
                let settler: PrivateKeySigner = settler.private_key().parse()?;
                (round * each..(round + 1) * each).map(|n| transaction(&devnet, &settler, i, n)).collect()
            })
            .collect();
        work.push(signed?);
    }
    for (url, what, lists) in [(chain.node_url(), "node", &work[0]), (chain.http_url(), "proxy", &work[1])] {
        let client = reqwest::Client::new();
        let began = Instant::now();
        let tasks = lists.iter().map(|list| settle_all(&client, &url, list));
        let done: usize = futures::future::try_join_all(tasks).await?.into_iter().sum();
        println!("{what}: {done} settlements in {:?}", began.elapsed());
    }
    Ok(())
}

async fn settle_all(client: &reqwest::Client, url: &str, list: &[String]) -> Boxed<usize> {
    for raw in list {
        let sent = ask(client, url, "eth_sendRawTransaction", json!([raw])).await?;
        loop {
            let receipt = ask(client, url, "eth_getTransactionReceipt", json!([sent])).await?;
            if receipt.is_object() {
                break;
            }
        }
    }
    Ok(list.len())
}

async fn ask(client: &reqwest::Client, url: &str, method: &str, params: Value) -> Boxed<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut answer: Value = client.post(url).json(&body).send().await?.json().await?;
    match answer.get("error") {
        Some(error) => Err(error.to_string().into()),
        None => Ok(answer["result"].take()),
    }
}

fn transaction(devnet: &Devnet, settler: &PrivateKeySigner, i: usize, nonce: usize) -> Boxed<String> {
    let spec = ChainSpec::BASE;
    let payer: PrivateKeySigner = devnet.accounts().payer(i).private_key().parse()?;
    let usdc: Address = spec.usdc.parse()?;
    let message = TransferWithAuthorization {
        from: payer.address(),
        to: devnet.accounts().merchant(0).address().parse()?,
        value: U256::ONE,
        validAfter: U256::ZERO,
        validBefore: U256::MAX,
        nonce: keccak256(format!("{i} {nonce}")),
    };
    let domain = eip712_domain! {
        name: spec.usdc_name, version: ChainSpec::USDC_VERSION, chain_id: spec.chain_id, verifying_contract: usdc,
    };
    let signature = payer.sign_hash_sync(&message.eip712_signing_hash(&domain))?.as_bytes();
    let TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce: salt } = message;
    let (v, r, s) = (signature[64], B256::from_slice(&signature[..32]), B256::from_slice(&signature[32..64]));
    let call =
        transferWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce: salt, v, r, s };
    let transaction = TxEip1559 {
        chain_id: spec.chain_id,
        nonce: u64::try_from(nonce)?,
        gas_limit: 150_000,
        max_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(usdc),
        input: call.abi_encode().into(),
        ..TxEip1559::default()
    };
    let signature = settler.sign_hash_sync(&transaction.signature_hash())?;
    Ok(Bytes::from(TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()).to_string())
}
