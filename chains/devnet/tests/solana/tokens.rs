//! Tokens and accounts as they are at the start, and money that moves.

use crate::kit::*;
use serde_json::json;
use tollway_devnet::{LAMPORTS_PER_SIGNATURE, SOL_USD_E8, SOL_USD_FEED, SOLANA_GENESIS_HASH, SolanaToken};

#[tokio::test]
async fn mainnets_addresses_are_there_and_the_accounts_are_funded() {
    let devnet = devnet().await;
    assert!(devnet.chains().is_empty());
    let chain = devnet.solana().unwrap();
    assert_eq!(ask(chain, "getGenesisHash", json!([])).await["result"], SOLANA_GENESIS_HASH);
    let accounts = chain.accounts();
    for token in SolanaToken::ALL {
        let balance = async |owner: &str| chain.token_balance(owner, &token).await.unwrap();
        assert_eq!(balance(accounts.payer(3).address()).await, Some(10_000_000_000), "{}", token.name);
        assert_eq!(balance(accounts.merchant(0).address()).await, Some(100_000_000), "{}", token.name);
        assert_eq!(balance(accounts.merchant(1).address()).await, None, "{}", token.name);
        let supply = ask(chain, "getTokenSupply", json!([token.mint])).await;
        assert_eq!(supply["result"]["value"]["decimals"], 6, "{supply}");
        let owned = json!([accounts.payer(0).address(), {"mint": token.mint}, {"encoding": "jsonParsed"}]);
        let owned = ask(chain, "getTokenAccountsByOwner", owned).await;
        assert_eq!(owned["result"]["value"].as_array().unwrap().len(), 1, "{owned}");
        let name = chain.token_account(accounts.payer(0).address(), &token).unwrap();
        assert_eq!(owned["result"]["value"][0]["pubkey"], name);
    }
    assert_eq!(chain.lamports(accounts.settler(0).address()).await.unwrap(), 1_000_000_000_000);
    assert_eq!(chain.lamports(accounts.payer(0).address()).await.unwrap(), 10_000_000_000);
}

#[tokio::test]
async fn a_transfer_lands_and_costs_what_is_said() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let settler = chain.accounts().settler(0).address();
    let before = (chain.lamports(settler).await.unwrap(), usdc_of_merchant(chain).await);
    let signed = Transfer { chain, token: SolanaToken::USDC, units: 1_234, price: 1_000_000 }.sign().await;
    let fee =
        ask(chain, "getFeeForMessage", json!([base64(&signed.message)])).await["result"]["value"].clone();
    assert_eq!(send(chain, &signed, false).await["result"], signed.name);
    assert!(landed(chain, &signed.name).await["err"].is_null());
    assert_eq!(usdc_of_merchant(chain).await - before.1, 1_234);

    let paid = before.0 - chain.lamports(settler).await.unwrap();
    assert!(paid >= 2 * LAMPORTS_PER_SIGNATURE + 20_000, "{paid}");
    assert_eq!(fee, paid);
    for encoding in ["json", "base64", "jsonParsed"] {
        let config =
            json!({"encoding": encoding, "maxSupportedTransactionVersion": 0, "commitment": "confirmed"});
        let found = ask(chain, "getTransaction", json!([signed.name, config])).await["result"].clone();
        assert_eq!(found["meta"]["fee"], paid, "{encoding}");
        assert!(now().abs_diff(found["blockTime"].as_i64().unwrap()) < 60, "{}", found["blockTime"]);
        let block = ask(chain, "getBlock", json!([found["slot"], config])).await["result"].clone();
        assert_eq!(block["transactions"][0]["meta"]["fee"], paid, "{encoding} {block}");
        assert!(now().abs_diff(block["blockTime"].as_i64().unwrap()) < 60, "{}", block["blockTime"]);
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn the_token_with_a_fee_keeps_it_and_the_plain_one_does_not() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let merchant = chain.accounts().merchant(0).address();
    for (token, arrives) in [(SolanaToken::PLAIN_2022, 10_000), (SolanaToken::FEE_2022, 9_900)] {
        let before = chain.token_balance(merchant, &token).await.unwrap().unwrap();
        let signed = Transfer { chain, token, units: 10_000, price: 0 }.sign().await;
        let sent = send(chain, &signed, false).await;
        assert_eq!(sent["result"], signed.name, "{sent}");
        landed(chain, &signed.name).await;
        let after = chain.token_balance(merchant, &token).await.unwrap().unwrap();
        assert_eq!(after - before, arrives, "{}", token.name);
    }
}

#[tokio::test]
async fn balances_and_prices_are_written() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let stranger = chain.accounts().merchant(1).address();
    for token in SolanaToken::ALL {
        for units in [7, 9] {
            chain.set_token_balance(stranger, &token, units).await.unwrap();
            assert_eq!(chain.token_balance(stranger, &token).await.unwrap(), Some(units), "{}", token.name);
        }
    }
    chain.set_lamports(stranger, 3_000_000).await.unwrap();
    assert_eq!(chain.lamports(stranger).await.unwrap(), 3_000_000);

    assert_eq!(sol_price(&devnet).await.0, SOL_USD_E8);
    chain.set_sol_usd_e8_at(99, 1_700_000_000).await.unwrap();
    assert_eq!(sol_price(&devnet).await, (99, 1_700_000_000));
}

/// The price of SOL and its time, as a client reads them.
async fn sol_price(devnet: &tollway_devnet::Devnet) -> (u64, i64) {
    let chain = devnet.solana().unwrap();
    let feed = ask(chain, "getAccountInfo", json!([SOL_USD_FEED, {"encoding": "base64"}])).await;
    let value = &feed["result"]["value"];
    assert_eq!(value["owner"], "rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ");
    let data = base64_simd::STANDARD.decode_to_vec(value["data"][0].as_str().unwrap()).unwrap();
    let number = |at: usize| i64::from_le_bytes(data[at..at + 8].try_into().unwrap());
    (u64::try_from(number(73)).unwrap(), number(93))
}
