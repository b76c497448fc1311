//! Making blocks with transactions of the devnet's own.

use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::Signer;
use serde_json::{Value, json};

use crate::error::{DevnetError, Result};
use crate::rpc::Node;
use crate::solana::accounts::SolanaAccount;
use crate::solana::address;
use crate::solana::spec::{COMPUTE_BUDGET_PROGRAM, NAME, SYSTEM_PROGRAM};

/// As many as surely fit into the life of one blockhash.
const PER_BLOCKHASH: u32 = 50;
const COMPUTE_LIMIT: u32 = 10_000;

/// Who makes blocks. In the mode that makes one for each transaction, a transaction is a block.
#[derive(Debug)]
pub(crate) struct Maker {
    account: SolanaAccount,
    sent: AtomicU64,
}

impl Maker {
    pub(super) fn new() -> Self {
        Self { account: SolanaAccount::derive("block maker", 0), sent: AtomicU64::new(0) }
    }

    pub(super) fn account(&self) -> &SolanaAccount {
        &self.account
    }

    /// Sends this many transactions, each different, at this price in millionths of a lamport per compute unit.
    pub(super) async fn send(&self, node: &Node, count: u32, price: u64) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(PER_BLOCKHASH);
            let blockhash = blockhash(node).await?;
            for _ in 0..now {
                let transaction = self.transaction(&blockhash, price)?;
                let encoded = base64_simd::STANDARD.encode_to_string(transaction);
                let config = json!({"encoding": "base64", "skipPreflight": true});
                node.call("sendTransaction", json!([encoded, config])).await?;
            }
            left -= now;
        }
        Ok(())
    }

    /// A signed transfer of some lamports from the maker to itself; how many makes it different from all before.
    fn transaction(&self, blockhash: &[u8; 32], price: u64) -> Result<Vec<u8>> {
        let lamports = self.sent.fetch_add(1, Ordering::Relaxed);
        let mut message = vec![1, 0, 2, 3]; // one signs, the last two of three keys are only read
        for key in [self.account.address(), SYSTEM_PROGRAM, COMPUTE_BUDGET_PROGRAM] {
            message.extend(address::bytes(key)?);
        }
        message.extend(blockhash);
        message.push(3);
        message.extend([2, 0, 5, 2]);
        message.extend(COMPUTE_LIMIT.to_le_bytes());
        message.extend([2, 0, 9, 3]);
        message.extend(price.to_le_bytes());
        message.extend([1, 2, 0, 0, 12, 2, 0, 0, 0]);
        message.extend(lamports.to_le_bytes());
        let signature = self.account.signing_key().sign(&message);
        Ok([&[1], &signature.to_bytes()[..], &message].concat())
    }
}

async fn blockhash(node: &Node) -> Result<[u8; 32]> {
    let latest = node.call("getLatestBlockhash", json!([{"commitment": "confirmed"}])).await?;
    let text = latest["value"]["blockhash"].as_str().map(str::to_owned);
    address::bytes(&text.ok_or_else(|| unreadable("getLatestBlockhash", &latest))?)
}

pub(super) fn unreadable(method: &'static str, answer: &Value) -> DevnetError {
    DevnetError::Rpc { chain: NAME, method, reason: format!("the answer was not understood: {answer}") }
}
