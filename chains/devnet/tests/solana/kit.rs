//! Signed transfers, and calls that go through the proxy.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use solana_hash::Hash;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_message::{VersionedMessage, v0};
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use tollway_devnet::{Devnet, SolanaAccount, SolanaChain, SolanaToken};

static SALT: AtomicU32 = AtomicU32::new(0);

pub(crate) async fn devnet() -> Devnet {
    Devnet::builder().chains([]).solana().start().await.unwrap()
}

pub(crate) fn key(account: &SolanaAccount) -> Keypair {
    Keypair::from_base58_string(&account.private_key())
}

pub(crate) fn address(text: &str) -> Pubkey {
    text.parse().unwrap()
}

/// A signed transaction.
pub(crate) struct Signed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) message: Vec<u8>,
    pub(crate) name: String,
}

impl Signed {
    pub(crate) fn base64(&self) -> String {
        base64(&self.bytes)
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// What a transfer is made of.
pub(crate) struct Transfer<'a> {
    pub(crate) chain: &'a SolanaChain,
    pub(crate) token: SolanaToken,
    pub(crate) units: u64,
    /// Millionths of a lamport per compute unit.
    pub(crate) price: u64,
}

impl Transfer<'_> {
    /// From payer 0 to merchant 0, at the cost of settler 0, on the newest blockhash. No two are the same.
    pub(crate) async fn sign(&self) -> Signed {
        let latest = ask(self.chain, "getLatestBlockhash", json!([{"commitment": "confirmed"}])).await;
        let blockhash: Hash = latest["result"]["value"]["blockhash"].as_str().unwrap().parse().unwrap();
        let accounts = self.chain.accounts();
        let (payer, settler) = (key(accounts.payer(0)), key(accounts.settler(0)));
        let of =
            |owner: &SolanaAccount| address(&self.chain.token_account(owner.address(), &self.token).unwrap());
        let mut data = vec![12]; // TransferChecked
        data.extend(self.units.to_le_bytes());
        data.push(SolanaToken::DECIMALS);
        let metas = vec![
            AccountMeta::new(of(accounts.payer(0)), false),
            AccountMeta::new_readonly(address(self.token.mint), false),
            AccountMeta::new(of(accounts.merchant(0)), false),
            AccountMeta::new_readonly(payer.pubkey(), true),
        ];
        let limit = 20_000 + SALT.fetch_add(1, Ordering::Relaxed);
        let instructions = [
            budget(2, &limit.to_le_bytes()),
            budget(3, &self.price.to_le_bytes()),
            Instruction { program_id: address(self.token.program), accounts: metas, data },
        ];
        let message = v0::Message::try_compile(&settler.pubkey(), &instructions, &[], blockhash).unwrap();
        let message = VersionedMessage::V0(message).serialize();
        let signatures = [settler.sign_message(&message), payer.sign_message(&message)];
        let mut bytes = vec![2];
        signatures.iter().for_each(|signature| bytes.extend(signature.as_ref()));
        bytes.extend(&message);
        Signed { bytes, message, name: signatures[0].to_string() }
    }
}

fn budget(kind: u8, value: &[u8]) -> Instruction {
    let program_id = address("ComputeBudget111111111111111111111111111111");
    Instruction { program_id, accounts: vec![], data: [&[kind], value].concat() }
}

/// A transfer of USDC that pays nothing for its place.
pub(crate) async fn transfer(chain: &SolanaChain, units: u64) -> Signed {
    Transfer { chain, token: SolanaToken::USDC, units, price: 0 }.sign().await
}

pub(crate) async fn post(chain: &SolanaChain, body: &Value) -> reqwest::Result<Value> {
    reqwest::Client::new().post(chain.http_url()).json(body).send().await?.json().await
}

/// One call through the proxy.
pub(crate) async fn ask(chain: &SolanaChain, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 9, "method": method, "params": params});
    post(chain, &body).await.unwrap()
}

pub(crate) async fn send(chain: &SolanaChain, signed: &Signed, skip_preflight: bool) -> Value {
    let config = json!({"encoding": "base64", "skipPreflight": skip_preflight});
    ask(chain, "sendTransaction", json!([signed.base64(), config])).await
}

/// Where a transaction stands; null when the node does not know it.
pub(crate) async fn status(chain: &SolanaChain, name: &str) -> Value {
    let answer = ask(chain, "getSignatureStatuses", json!([[name]])).await;
    answer["result"]["value"][0].clone()
}

/// Waits until a transaction is in a block.
pub(crate) async fn landed(chain: &SolanaChain, name: &str) -> Value {
    for _ in 0..2_000 {
        let status = status(chain, name).await;
        if !status.is_null() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{name} is in no block")
}

pub(crate) async fn usdc_of_merchant(chain: &SolanaChain) -> u64 {
    chain.usdc_balance(chain.accounts().merchant(0).address()).await.unwrap().unwrap()
}
