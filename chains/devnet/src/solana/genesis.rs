//! What the node finds when it starts: tokens, funded accounts and prices.

use futures::future::try_join_all;
use serde_json::json;

use crate::chains::USDC_USD_E8;
use crate::error::Result;
use crate::rpc::Node;
use crate::solana::accounts::{SolanaAccount, SolanaAccounts};
use crate::solana::spec::{SOL_USD_E8, SolanaToken};
use crate::solana::{address, feeds, layout};

const LAMPORTS_PER_SOL: u64 = 1_000_000_000;
const WHOLE: u64 = 1_000_000;

/// One account to write.
struct Entry {
    address: String,
    owner: &'static str,
    lamports: u64,
    data: Vec<u8>,
}

/// Writes it all. `maker` is who makes blocks.
pub(super) async fn write(node: &Node, accounts: &SolanaAccounts, maker: &SolanaAccount) -> Result<()> {
    let mut entries = Vec::new();
    for token in SolanaToken::ALL {
        entries.push(account(token.mint.to_owned(), token.program, layout::mint(&token)));
    }
    entries.push(coins(maker, 1_000_000 * LAMPORTS_PER_SOL));
    for payer in accounts.payers() {
        entries.push(coins(payer, 10 * LAMPORTS_PER_SOL));
        hold(&mut entries, payer, 10_000 * WHOLE)?;
    }
    for (i, merchant) in accounts.merchants().iter().enumerate() {
        entries.push(coins(merchant, LAMPORTS_PER_SOL));
        if i % 2 == 0 {
            hold(&mut entries, merchant, 100 * WHOLE)?;
        }
    }
    entries.extend(accounts.settlers().iter().map(|settler| coins(settler, 1_000 * LAMPORTS_PER_SOL)));
    try_join_all(entries.iter().map(|entry| put(node, entry))).await?;
    feeds::write(node, feeds::Feed::Sol, SOL_USD_E8, None).await?;
    feeds::write(node, feeds::Feed::Usdc, USDC_USD_E8, None).await
}

fn coins(of: &SolanaAccount, lamports: u64) -> Entry {
    let address = of.address().to_owned();
    Entry { address, owner: crate::solana::spec::SYSTEM_PROGRAM, lamports, data: Vec::new() }
}

fn hold(entries: &mut Vec<Entry>, owner: &SolanaAccount, units: u64) -> Result<()> {
    for token in SolanaToken::ALL {
        let address = address::token_account(owner.address(), token.mint, token.program)?;
        entries.push(account(address, token.program, layout::token_account(&token, owner.address(), units)?));
    }
    Ok(())
}

fn account(address: String, owner: &'static str, data: Vec<u8>) -> Entry {
    Entry { address, owner, lamports: layout::rent(data.len()), data }
}

async fn put(node: &Node, entry: &Entry) -> Result<()> {
    let Entry { address, owner, lamports, data } = entry;
    let fields = json!({"lamports": lamports, "owner": owner, "data": hex::encode(data)});
    node.call("surfnet_setAccount", json!([address, fields])).await.map(drop)
}
