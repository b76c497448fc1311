//! How many settlements a second a facilitator makes, one transaction each, on a node that mines every transaction as it
//! comes: with the journal on disk, and with each payment simulated before it is sent.
//!
//! `cargo bench -p tollway-e2e --bench settle -- --table` prints Markdown. Each case has a fresh node, as nodes slow
//! down with every block. The facilitator is a process of its own, so its processor time is its own; the rate is the machine's,
//! with the node and the clients on it. "node alone" sends transactions that are signed already, and nothing else.

use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, TxKind, U256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tollway_devnet::{Chain, ChainSpec, Devnet};
use tollway_e2e::Outcome;
use tollway_e2e::header::Draft;
use tollway_e2e::process::{FacilitatorProcess, Settings, free_port};
use tollway_e2e::rate::{cpu, settle_all};

const AT_ONCE: usize = 32;
const WARM_UP: usize = 64;

/// What one case came to.
struct Case {
    name: String,
    count: usize,
    took: Duration,
    each: Vec<Duration>,
    ours: Duration,
    node: Duration,
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test` runs benches too: one short case shows that it works.
    let short = !arguments.iter().any(|a| a == "--bench");
    let number = |name: &str| -> Option<usize> {
        arguments.iter().skip_while(|a| *a != name).nth(1).and_then(|n| n.parse().ok())
    };
    let count = number("--count").unwrap_or(if short { 64 } else { 1_000 });
    let lanes: Vec<usize> = match number("--lanes") {
        Some(lanes) => vec![lanes],
        None if short => vec![4],
        None => vec![1, 4, 8, 32],
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut cases = vec![runtime.block_on(alone(count))?];
    for lanes in lanes {
        cases.push(runtime.block_on(settling(count, lanes))?);
    }
    println!("| case | settlements/s | p50 ms | p99 ms | facilitator CPU ms each | node CPU ms each |");
    println!("|---|---|---|---|---|---|");
    cases.iter_mut().for_each(Case::print);
    Ok(())
}

impl Case {
    fn print(&mut self) {
        self.each.sort_unstable();
        let at = |per_cent: usize| {
            let index = self.each.len().saturating_mul(per_cent) / 100;
            self.each.get(index.min(self.each.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        let (p50, p99) = (micros(at(50)), micros(at(99)));
        let many = u128::try_from(self.count).unwrap_or(1);
        let rate = many.saturating_mul(1_000_000) / self.took.as_micros().max(1);
        let per = |all: Duration| micros(all / u32::try_from(self.count).unwrap_or(1));
        println!("| {} | {rate} | {p50} | {p99} | {} | {} |", self.name, per(self.ours), per(self.node));
    }
}

/// Milliseconds with three digits behind the point.
fn micros(time: Duration) -> String {
    format!("{}.{:03}", time.as_micros() / 1_000, time.as_micros() % 1_000)
}

/// A chain whose node mines each transaction by itself, without our miner or proxy.
async fn chain() -> Outcome<Devnet> {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).payers(64).settlers(32).keep_fresh(false);
    let devnet = devnet.free_base_fee().start().await?;
    let chain = &devnet.chains()[0];
    chain.set_automine(false).await?;
    ask(&reqwest::Client::new(), &chain.node_url(), "evm_setAutomine", json!([true])).await?;
    Ok(devnet)
}

async fn ask(client: &reqwest::Client, url: &str, method: &str, params: Value) -> Outcome<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer: Value = serde_json::from_slice(&client.post(url).json(&body).send().await?.bytes().await?)?;
    if answer["error"].is_object() {
        Err(answer["error"].to_string().into())
    } else {
        Ok(answer["result"].clone())
    }
}

/// The node's own limit: one lane per client.
async fn alone(count: usize) -> Outcome<Case> {
    let devnet = chain().await?;
    let (chain, client) = (&devnet.chains()[0], reqwest::Client::new());
    let merchant: Address = devnet.accounts().merchant(0).address().parse()?;
    let mut raw = Vec::new();
    for n in 0..count.saturating_add(AT_ONCE) {
        let key: PrivateKeySigner = devnet.accounts().settler(n % AT_ONCE).private_key().parse()?;
        let payer = payment(&devnet, n)?;
        let mut tx = TxEip1559 {
            chain_id: chain.id(),
            nonce: u64::try_from(n / AT_ONCE)?,
            gas_limit: 150_000,
            max_fee_per_gas: 10_000_000_000,
            max_priority_fee_per_gas: 1_000_000,
            to: TxKind::Call(chain.usdc().parse()?),
            value: U256::ZERO,
            access_list: Default::default(),
            input: transfer(&payer, merchant)?,
        };
        let signature = key.sign_transaction_sync(&mut tx)?;
        raw.push(format!("0x{}", hex::encode(tx.into_signed(signature).encoded_2718())));
    }
    let lanes: Vec<Vec<String>> =
        (0..AT_ONCE).map(|lane| raw.iter().skip(lane).step_by(AT_ONCE).cloned().collect()).collect();
    let url = chain.node_url();
    for lane in &lanes {
        ask(&client, &url, "eth_sendRawTransactionSync", json!([lane[0]])).await?;
    }
    let (before, began) = (cpu(chain.node_pid())?, Instant::now());
    let sent = lanes.iter().map(|lane| {
        let (client, url) = (&client, &url);
        async move {
            let mut each = Vec::new();
            for raw in lane.iter().skip(1) {
                let begun = Instant::now();
                let receipt = ask(client, url, "eth_sendRawTransactionSync", json!([raw])).await?;
                assert_eq!(receipt["status"], "0x1");
                each.push(begun.elapsed());
            }
            Ok(each)
        }
    });
    let each: Outcome<Vec<Vec<Duration>>> = futures::future::join_all(sent).await.into_iter().collect();
    let each = each?.concat();
    let (took, node) = (began.elapsed(), cpu(chain.node_pid())?.saturating_sub(before));
    Ok(Case { name: "node alone".to_owned(), count: each.len(), took, each, ours: Duration::ZERO, node })
}

/// A facilitator with so many keys.
async fn settling(count: usize, lanes: usize) -> Outcome<Case> {
    let devnet = chain().await?;
    let chain = &devnet.chains()[0];
    let files = tempfile::tempdir()?;
    let keys = (0..lanes).map(|i| devnet.accounts().settler(i).private_key().to_owned());
    let settings = Settings {
        name: "facilitator".to_owned(),
        port: free_port()?,
        database: None,
        lease_ms: 0,
        ledger: files.path().join("facilitator.sqlite"),
        chains: vec![(chain.spec().caip2(), chain.node_url())],
        senders: keys.collect(),
        patience_ms: 20_000,
    };
    let facilitator = FacilitatorProcess::start(env!("CARGO_BIN_EXE_e2e-facilitator"), settings)?;
    facilitator.health().await?;
    let bodies: Outcome<Vec<String>> =
        (0..count.saturating_add(WARM_UP)).map(|n| Ok(body(&payment(&devnet, n)?))).collect();
    let (client, url) = (reqwest::Client::new(), format!("{}/settle", facilitator.url()));
    let bodies = bodies?;
    let (first, rest) = bodies.split_at(WARM_UP);
    settle_all(&client, &url, first, AT_ONCE).await?;
    let id = facilitator.id().ok_or("the facilitator has gone")?;
    let (ours, node, began) = (cpu(id)?, cpu(chain.node_pid())?, Instant::now());
    let each = settle_all(&client, &url, rest, AT_ONCE).await?;
    let took = began.elapsed();
    let (ours, node) = (cpu(id)?.saturating_sub(ours), cpu(chain.node_pid())?.saturating_sub(node));
    // Held against the chain: each was paid, once.
    let paid = chain.usdc_balance(devnet.accounts().merchant(0).address()).await?;
    assert_eq!(paid, 100_000_000 + 10_000 * u128::try_from(bodies.len())?);
    Ok(Case { name: format!("{lanes} signers, {AT_ONCE} at once"), count, took, each, ours, node })
}

/// The `n`th payment of a cent.
fn payment(devnet: &Devnet, n: usize) -> Outcome<Value> {
    let (chain, accounts): (&Chain, _) = (&devnet.chains()[0], devnet.accounts());
    let accepted = json!({
        "scheme": "exact",
        "network": chain.spec().caip2(),
        "asset": chain.usdc(),
        "amount": "10000",
        "payTo": accounts.merchant(0).address(),
        "maxTimeoutSeconds": 600,
        "extra": { "name": chain.spec().usdc_name, "version": "2" },
    });
    let resource = json!({ "url": "https://shop.example/a", "description": "", "mimeType": "text/plain" });
    let challenge = json!({ "accepts": [accepted], "resource": resource });
    Ok(Draft::new(&challenge, accounts.payer(n).private_key())?.sign())
}

fn body(payment: &Value) -> String {
    json!({ "x402Version": 2, "paymentPayload": payment, "paymentRequirements": payment["accepted"] })
        .to_string()
}

mod abi {
    alloy::sol! {
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
            uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    }
}

fn transfer(payment: &Value, to: Address) -> Outcome<alloy::primitives::Bytes> {
    use alloy::sol_types::SolCall;
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
        r: alloy::primitives::B256::from_slice(&signature[..32]),
        s: alloy::primitives::B256::from_slice(&signature[32..64]),
    };
    Ok(call.abi_encode().into())
}
