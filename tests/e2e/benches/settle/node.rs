//! The node, and its own limit.

use crate::figures::Case;
use crate::heads::Heads;
use crate::load::{AT_ONCE, Amount, Manner, Settled, after_block};
use crate::machine::cpu;
use crate::payments::{payment, transfer};
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, TxKind, U256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use std::time::Instant;
use tollway_devnet::{ChainSpec, Devnet};
use tollway_e2e::Outcome;

/// A fresh chain. Only where calls are counted do our miner and proxy stand before its node.
pub(crate) async fn chain(manner: Manner, states: bool) -> Outcome<Devnet> {
    let devnet = Devnet::builder()
        .chains([ChainSpec::BASE])
        .payers(64)
        .settlers(32)
        .keep_fresh(false)
        .keep_states(states);
    let devnet = devnet.free_base_fee().block_time_ms((manner == Manner::Blocks).then_some(1_000));
    let devnet = devnet.start().await?;
    if manner == Manner::Automine {
        let chain = &devnet.chains()[0];
        chain.set_automine(false).await?;
        ask(&reqwest::Client::new(), &chain.node_url(), "evm_setAutomine", json!([true])).await?;
    }
    Ok(devnet)
}

/// One call.
pub(crate) async fn ask(client: &reqwest::Client, url: &str, method: &str, params: Value) -> Outcome<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer: Value = serde_json::from_slice(&client.post(url).json(&body).send().await?.bytes().await?)?;
    if answer["error"].is_object() {
        Err(answer["error"].to_string().into())
    } else {
        Ok(answer["result"].clone())
    }
}

/// The node's own limit: one lane per client.
pub(crate) async fn alone(manner: Manner, amount: Amount) -> Outcome<Case> {
    let devnet = chain(manner, amount.states).await?;
    let (chain, client, url) = (&devnet.chains()[0], reqwest::Client::new(), devnet.chains()[0].node_url());
    let mut lanes = vec![Vec::new(); AT_ONCE];
    for n in 0..amount.count.saturating_add(AT_ONCE) {
        lanes[n % AT_ONCE].push(signed(&devnet, n)?);
    }
    let first = lanes.iter().map(|lane| ask(&client, &url, "eth_sendRawTransactionSync", json!([lane[0]])));
    futures::future::try_join_all(first).await?;
    let heads = if manner == Manner::Blocks { Some(Heads::follow(&url).await?) } else { None };
    let (before, began) = (cpu(chain.node_pid())?, Instant::now());
    let sent = lanes.iter().map(async |lane| {
        let mut settled = Vec::new();
        for raw in lane.iter().skip(1).take_while(|_| began.elapsed() < amount.within) {
            let begun = Instant::now();
            let receipt = ask(&client, &url, "eth_sendRawTransactionSync", json!([raw])).await?;
            assert_eq!(receipt["status"], "0x1");
            let transaction = receipt["transactionHash"].as_str().unwrap_or_default().to_owned();
            settled.push(Settled { begun, answered: Instant::now(), transaction });
        }
        Ok(settled)
    });
    let settled: Outcome<Vec<Vec<Settled>>> = futures::future::join_all(sent).await.into_iter().collect();
    let settled = settled?.concat();
    let (took, node) = (began.elapsed(), cpu(chain.node_pid())?.saturating_sub(before));
    let after_block = match &heads {
        Some(heads) => after_block(&url, heads, &settled).await?,
        None => Vec::new(),
    };
    let each = settled.iter().map(Settled::time).collect();
    Ok(Case { took, each, node, after_block, ..Case::default() })
}

/// The `n`th payment's transaction, in its lane.
fn signed(devnet: &Devnet, n: usize) -> Outcome<String> {
    let chain = &devnet.chains()[0];
    let merchant: Address = devnet.accounts().merchant(0).address().parse()?;
    let key: PrivateKeySigner = devnet.accounts().settler(n % AT_ONCE).private_key().parse()?;
    let mut tx = TxEip1559 {
        chain_id: chain.id(),
        nonce: u64::try_from(n / AT_ONCE)?,
        gas_limit: 150_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: TxKind::Call(chain.usdc().parse()?),
        value: U256::ZERO,
        access_list: Default::default(),
        input: transfer(&payment(devnet, n)?, merchant)?,
    };
    let signature = key.sign_transaction_sync(&mut tx)?;
    Ok(format!("0x{}", hex::encode(tx.into_signed(signature).encoded_2718())))
}
