//! Reading against a scripted node: one round trip per question, nothing asked twice, nothing believed blindly.

mod common;

use common::*;
use serde_json::{Value, json};
use std::sync::Arc;
use tollway_core::{Account, AssetId, ChainId, Code, Network, Outcome, Purpose, Time, TxId};
use tollway_solana::address::{TOKEN, TOKEN_2022, account, ata, parse};
use tollway_solana::{
    At, Extension, Fault, HoldingState, Mint, Pubkey, Signature, SolanaNetwork, Svm, TokenProgram, Trial,
};

const USDC: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";

fn mainnet() -> ChainId {
    ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap()
}

fn owner(n: u8) -> Account {
    account(mainnet(), &key(n).address()).unwrap()
}

/// A mint's 82 bytes: six decimals, initialised.
fn mint() -> Vec<u8> {
    let mut data = vec![0; 82];
    (data[44], data[45]) = (6, 1);
    data
}

/// The longer form of a mint, with these extensions.
fn mint_2022(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut data = mint();
    data.resize(165, 0);
    data.push(1);
    for (kind, value) in extensions {
        data.extend(kind.to_le_bytes());
        data.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        data.extend(*value);
    }
    data
}

/// A token account's 165 bytes.
fn token_account(mint: &Pubkey, owner: &Pubkey, amount: u64, state: u8) -> Vec<u8> {
    let mut data = [mint.as_ref(), owner.as_ref(), &amount.to_le_bytes()].concat();
    data.resize(165, 0);
    data[108] = state;
    data
}

async fn reader(node: &Node) -> Arc<SolanaNetwork> {
    let net = builder(node, ledger()).connect().await.unwrap();
    node.reset();
    net
}

#[tokio::test]
async fn a_look_is_one_request_of_one_slot_with_the_chains_own_time() {
    let node = Node::start().await;
    node.put(&key(7).address(), &TOKEN, 77, b"data");
    let net = reader(&node).await;
    let looked = net.look(&[key(9).address(), key(7).address()], At::Latest).await.unwrap();
    assert_eq!((looked.slot, looked.height, looked.epoch), (1_100, 1_000, 7));
    assert_eq!(looked.time, Time::from_secs(1_800_000_000));
    assert_eq!(looked.accounts[0], None);
    let state = looked.accounts[1].as_ref().unwrap();
    assert_eq!((state.owner, state.lamports, state.data.as_slice()), (TOKEN, 77, b"data".as_slice()));
    assert_eq!(node.requests(), 1);
    let many = vec![key(1).address(); 100];
    assert_eq!(net.look(&many, At::Final).await.unwrap_err().code, Code::TooLarge);
    assert_eq!(node.requests(), 1, "what is too much is not asked");
}

#[tokio::test]
async fn a_trial_is_one_request_with_the_look_beside_it_and_every_failure_has_its_name() {
    let node = Node::start().await;
    let net = reader(&node).await;
    let submit = payment(1);
    let before = [key(1).address()];
    let trial = Trial { wire: &submit.wire, before: &before, after: &[], inner: false };
    let tried = net.attempt(trial.clone()).await.unwrap();
    assert_eq!((tried.fault, tried.units, tried.looked.height), (None, 450, 1_000));
    assert_eq!(tried.looked.accounts[0].as_ref().unwrap().lamports, 1_000_000_000);
    assert_eq!(node.requests(), 1);
    let faults = [
        (json!("BlockhashNotFound"), Fault::BlockhashNotFound),
        (json!("AlreadyProcessed"), Fault::AlreadyProcessed),
        (json!("InsufficientFundsForFee"), Fault::InsufficientFundsForFee),
        (
            json!({"InstructionError": [2, {"Custom": 1}]}),
            Fault::Instruction { index: 2, custom: Some(1), what: "Custom".into() },
        ),
    ];
    for (err, fault) in faults {
        node.world().trial = json!({"err": err, "logs": [], "accounts": null, "unitsConsumed": 0});
        assert_eq!(net.attempt(trial.clone()).await.unwrap().fault, Some(fault));
    }
    let state =
        json!({"lamports": 5, "owner": TOKEN.to_string(), "executable": false, "data": ["AQI=", "base64"]});
    node.world().trial = json!({"err": null, "unitsConsumed": 1, "accounts": [state, null]});
    let after = [key(3).address(), key(4).address()];
    let tried = net.attempt(Trial { after: &after, ..trial }).await.unwrap();
    assert_eq!(tried.after[0].as_ref().unwrap().data, [1, 2]);
    assert_eq!(tried.after[1], None);
    let large = vec![0; 1_233];
    let trial = Trial { wire: &large, before: &[], after: &[], inner: false };
    assert_eq!(net.attempt(trial).await.unwrap_err().code, Code::TooLarge);
}

#[tokio::test]
async fn holdings_are_read_once_and_then_known() {
    let node = Node::start().await;
    let usdc = parse(USDC).unwrap();
    let at = ata(&key(2).address(), &usdc, TokenProgram::Token);
    node.put(&at, &TOKEN, 2_039_280, &token_account(&usdc, &key(2).address(), 5_000_000, 1));
    let net = reader(&node).await;
    let held = net.holding(&owner(2), &usdc).await.unwrap();
    assert_eq!((held.funds.balance.atomic, held.account, held.state), (5_000_000, at, HoldingState::Ready));
    for _ in 0..20 {
        assert_eq!(net.holding(&owner(2), &usdc).await.unwrap().funds.balance.atomic, 5_000_000);
    }
    assert_eq!(node.requests(), 1, "USDC's own facts are known without a question");
    let third = owner(3);
    let many = futures::future::join_all((0..8).map(|_| net.holding(&third, &usdc)));
    assert!(many.await.iter().all(|held| held.as_ref().unwrap().state == HoldingState::Missing));
    assert_eq!(node.requests(), 2, "who asks at once shares one question");
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_told_from_one_that_is_not_there() {
    let node = Node::start().await;
    let usdc = parse(USDC).unwrap();
    let net = reader(&node).await;
    let (ours, wrong) = (key(2).address(), key(8).address());
    let put = |n: u8, program: &Pubkey, data: &[u8]| {
        node.put(&ata(&key(n).address(), &usdc, TokenProgram::Token), program, 1, data);
    };
    put(3, &TOKEN, &token_account(&usdc, &key(3).address(), 9, 2));
    put(4, &TOKEN, &token_account(&usdc, &ours, 9, 1));
    put(5, &TOKEN, &token_account(&wrong, &key(5).address(), 9, 1));
    put(6, &Pubkey::default(), b"");
    put(7, &TOKEN_2022, &token_account(&usdc, &key(7).address(), 9, 1));
    put(9, &TOKEN, &token_account(&usdc, &key(9).address(), 9, 0));
    let states = [
        (3, HoldingState::Frozen),
        (4, HoldingState::Unusable),
        (5, HoldingState::Unusable),
        (6, HoldingState::Missing),
        (7, HoldingState::Unusable),
        (9, HoldingState::Unusable),
    ];
    for (n, state) in states {
        let held = net.holding(&owner(n), &usdc).await.unwrap();
        assert_eq!(held.state, state, "{n}");
        assert!(state == HoldingState::Frozen || held.funds.balance.atomic == 0);
    }
}

#[tokio::test]
async fn a_mint_never_seen_is_learned_with_the_first_holding_and_its_extensions_are_told() {
    let node = Node::start().await;
    let (token, hook) = (Pubkey::from([40; 32]), Pubkey::from([41; 32]));
    let mut fee = vec![0; 108];
    fee[80..88].copy_from_slice(&7u64.to_le_bytes());
    fee[88..90].copy_from_slice(&50u16.to_le_bytes());
    fee[90..98].copy_from_slice(&9u64.to_le_bytes());
    fee[98..106].copy_from_slice(&8u64.to_le_bytes());
    fee[106..108].copy_from_slice(&100u16.to_le_bytes());
    let hooked = [[0; 32], hook.to_bytes()].concat();
    let data = mint_2022(&[
        (1, &fee),
        (14, &hooked),
        (6, &[2]),
        (9, &[]),
        (26, &[[0; 32].as_slice(), &[1]].concat()),
        (99, &[]),
    ]);
    node.put(&token, &TOKEN_2022, 1, &data);
    let net = reader(&node).await;
    let held = net.holding(&owner(2), &token).await.unwrap();
    assert_eq!((held.program, held.state), (TokenProgram::Token2022, HoldingState::Missing));
    let Mint { program, decimals, extensions } = net.mint(&token).await.unwrap();
    assert_eq!((program, decimals, node.requests()), (TokenProgram::Token2022, 6, 1));
    let Extension::TransferFee(fee) = extensions[0] else { panic!("{extensions:?}") };
    assert_eq!((fee.older_bps, fee.older_max, fee.newer_from_epoch), (50, 7, 9));
    assert_eq!((fee.newer_bps, fee.newer_max), (100, 8));
    let rest = [
        Extension::TransferHook(Some(hook)),
        Extension::DefaultFrozen(true),
        Extension::NonTransferable,
        Extension::Pausable(true),
        Extension::Other(99),
    ];
    assert_eq!(extensions[1..], rest);
}

#[tokio::test]
async fn what_is_no_mint_is_none_and_cut_off_extensions_are_not_passed_over() {
    let node = Node::start().await;
    let net = reader(&node).await;
    let mut cut = mint_2022(&[(9, &[])]);
    cut.extend([1, 0, 108, 0, 5]); // a transfer fee of 108 bytes, of which one is there
    let account_not_mint = token_account(&parse(USDC).unwrap(), &key(1).address(), 1, 1);
    let mut unborn = mint();
    unborn[45] = 0;
    let wrong: [(&Pubkey, Vec<u8>); 5] = [
        (&TOKEN_2022, cut),
        (&TOKEN, account_not_mint),
        (&TOKEN, unborn),
        (&TOKEN, mint_2022(&[])),
        (&Pubkey::default(), mint()),
    ];
    for (n, (program, data)) in wrong.into_iter().enumerate() {
        let token = Pubkey::from([u8::try_from(n + 50).unwrap(); 32]);
        node.put(&token, program, 1, &data);
        assert_eq!(net.mint(&token).await.unwrap_err().code, Code::AssetNotDeployed, "{n}");
        assert_eq!(net.holding(&owner(1), &token).await.unwrap_err().code, Code::AssetNotDeployed, "{n}");
    }
    let nothing = Pubkey::from([60; 32]);
    assert_eq!(net.mint(&nothing).await.unwrap_err().code, Code::AssetNotDeployed);
}

#[tokio::test]
async fn balances_of_the_coin_and_of_both_token_programs_come_in_one_request() {
    let node = Node::start().await;
    let (usdc, newer) = (parse(USDC).unwrap(), Pubkey::from([42; 32]));
    let who = key(2).address();
    node.put(&ata(&who, &usdc, TokenProgram::Token), &TOKEN, 1, &token_account(&usdc, &who, 3, 1));
    node.put(&ata(&who, &newer, TokenProgram::Token2022), &TOKEN_2022, 1, &token_account(&newer, &who, 4, 1));
    let net = reader(&node).await;
    let asset = |mint: &Pubkey| tollway_solana::address::asset(mainnet(), mint).unwrap();
    let assets = [AssetId::native(mainnet()), asset(&usdc), asset(&newer), asset(&Pubkey::from([43; 32]))];
    let amounts = net.balances(&owner(2), &assets).await.unwrap();
    assert_eq!(amounts.iter().map(|a| a.atomic).collect::<Vec<_>>(), [1_000_000_000, 3, 4, 0]);
    assert_eq!(node.requests(), 1);
    let elsewhere = AssetId::native(ChainId::new("solana:elsewhere").unwrap());
    assert_eq!(net.balances(&owner(2), &[elsewhere]).await.unwrap_err().code, Code::AssetMismatch);
}

#[tokio::test]
async fn a_blockhash_is_asked_for_once_and_ends_when_it_ends() {
    let node = Node::start().await;
    let net = reader(&node).await;
    let hash = net.blockhash().await.unwrap();
    assert_eq!(hash.last_valid_height, 1_150);
    let now = hash.as_of;
    assert_eq!(hash.bound(now), 1_150 + 64, "of a stranger's hash, however new");
    assert_eq!(hash.bound(now.plus_ms(10_000)), 1_150 + 64 + 100);
    assert_eq!(net.blockhash().await.unwrap().hash, hash.hash);
    assert_eq!(node.requests(), 1);
    node.pass(30);
    tokio::time::sleep(std::time::Duration::from_millis(150)).await; // past its five slots
    net.blockhash().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(net.blockhash().await.unwrap().last_valid_height, 1_180, "renewed in the background");
    assert_eq!(net.height(At::Final).await.unwrap(), 1_030);
}

fn row(slot: u64, price: u64) -> Value {
    json!({"slot": slot, "prioritizationFee": price})
}

#[tokio::test]
async fn the_price_that_is_offered_is_the_one_that_was_quoted() {
    let node = Node::start().await;
    node.world().unit_prices = (0..40).map(|n| row(n, 2_000)).collect();
    let net = reader(&node).await;
    let written = [key(5).address(), key(6).address()];
    let touching = [owner(6), owner(5)];
    let tariff = net.tariff(Purpose::Interactive, &touching).await.unwrap();
    assert_eq!(net.unit_price(Purpose::Interactive, &written).await.unwrap(), 2_000);
    assert_eq!(node.requests(), 1, "one look for the tariff and for the offer");
    let mut work = tollway_core::Work::new(
        tollway_core::Bearer::Settler,
        "pay",
        20_000,
        tollway_core::Sample::default(),
    );
    work.signatures = 2;
    assert_eq!(tariff.price(&work).unwrap().total(), 10_040);
    assert!(tariff.valid_until() > tariff.taken_at() && tariff.source().ends_with("@39"));
    // The quote book asks for the whole chain; work that names what it writes is priced by that all the same, and
    // what was priced once is looked at along with the whole.
    node.reset();
    node.world().unit_prices = vec![row(1, 5)];
    let general = net.tariff(Purpose::Interactive, &[]).await.unwrap();
    assert_eq!(node.requests(), 1);
    work.touches = touching.to_vec();
    assert_eq!(general.price(&work).unwrap().total(), 10_001, "renewed with it");
    work.touches = vec![owner(8)];
    assert_eq!(general.price(&work).unwrap().total(), 10_001, "not known: as the chain as a whole");
    node.world().unit_prices = vec![row(2, 1_000)];
    assert_eq!(net.unit_price(Purpose::Interactive, &[key(8).address()]).await.unwrap(), 1_000);
    assert_eq!(general.price(&work).unwrap().total(), 10_001, "one snapshot, one price");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    node.world().unit_prices = vec![row(3, 2_000)];
    let next = net.tariff(Purpose::Interactive, &[]).await.unwrap();
    assert_eq!(next.price(&work).unwrap().total(), 10_040, "known by now");
    assert_eq!((node.requests(), node.count("getRecentPrioritizationFees")), (3, 6));
    // Other accounts are another market.
    node.world().unit_prices = Vec::new();
    assert_eq!(net.unit_price(Purpose::Interactive, &[key(7).address()]).await.unwrap(), 1);
    assert_eq!(net.unit_price(Purpose::Interactive, &written).await.unwrap(), 2_000);
}

#[tokio::test]
async fn statuses_and_outcomes_are_told_in_order() {
    let node = Node::start().await;
    let net = reader(&node).await;
    let [a, b, c] = [1u8, 2, 3].map(|n| Signature::from([n; 64]));
    let know = |name: &Signature, level, err| {
        let known = node::Known { slot: 1_090, level, err, old: true };
        node.world().known.insert(name.to_string(), known);
    };
    know(&a, "processed", Value::Null);
    know(&c, "finalized", json!({"InstructionError": [0, "InvalidArgument"]}));
    let statuses = net.statuses(&[a, b, c]).await.unwrap();
    assert!(!statuses[0].as_ref().unwrap().done && statuses[1].is_none());
    let failed = statuses[2].as_ref().unwrap();
    assert!(failed.done && matches!(failed.fault, Some(Fault::Instruction { index: 0, custom: None, .. })));
    let included = Outcome::Included { confirmations: 3, finalized: false };
    for (name, outcome) in [(a, included), (b, Outcome::Unseen), (c, Outcome::Failed)] {
        assert_eq!(net.outcome(&TxId(name.to_string())).await.unwrap(), outcome);
    }
    assert!(net.outcome(&TxId("0xabc".into())).await.is_err());
    assert_eq!(net.statuses(&vec![a; 257]).await.unwrap_err().code, Code::TooLarge);
}
