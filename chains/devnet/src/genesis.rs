//! The genesis block of a chain: every contract in place, every account funded, nothing left to deploy.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::{Map, Value, json};

use crate::accounts::{Account, Accounts};
use crate::chains::{
    ARB_GAS_INFO, ChainKind, ChainSpec, ETH_USD_E8, GAS_PRICE_ORACLE, L1_BLOCK, MULTICALL3, NODE_INTERFACE,
    PERMIT2, USDC_USD_E8, X402_EXACT_PERMIT2_PROXY, X402_UPTO_PERMIT2_PROXY,
};
use crate::error::{DevnetError, Result};
use crate::slots;
use crate::tokens::TokenSpec;
use crate::toolchain::Contracts;

/// Where the code behind USDC's proxy sits.
pub(crate) const USDC_IMPLEMENTATION: &str = "0x43506849D7C04F9138D1A2050bbF3A0c054402dd";
/// The account that owns, pauses, blacklists and mints USDC here. It has no key: impersonate it.
pub const USDC_MASTER: &str = "0x5Ec0000000000000000000000000000000000CDc";
/// The fee oracle's copy on Arbitrum, which `NodeInterface` asks.
const ARBITRUM_FEES: &str = "0xA4b0000000000000000000000000000000004200";

const ZERO: &str = "0x0000000000000000000000000000000000000000";

/// One account of the genesis.
#[derive(Debug, Default)]
struct Entry {
    balance: U256,
    code: Option<Bytes>,
    storage: Vec<(B256, B256)>,
}

/// The document that `anvil --init` reads.
pub(crate) fn document(
    spec: &ChainSpec,
    accounts: &Accounts,
    contracts: &Contracts,
    now: u64,
) -> Result<Value> {
    let mut alloc = Map::new();
    let mut put = |address: &str, entry: Entry| alloc.insert(address.to_owned(), json_of(entry));
    for (account, coins) in funded(accounts) {
        put(account.address(), Entry { balance: U256::from(coins) * ether(), ..Entry::default() });
    }
    // Calls that name no caller come from here, and anvil wants them to be able to pay for L1 data.
    put(ZERO, Entry { balance: U256::from(1_000_000_000) * ether(), ..Entry::default() });
    put(spec.usdc, usdc(spec, accounts, contracts)?);
    put(USDC_IMPLEMENTATION, code(contracts.code("UsdCoin")?));
    put(USDC_MASTER, Entry { balance: ether(), ..Entry::default() });
    put(PERMIT2, code(permit2(spec.chain_id)?));
    put(X402_EXACT_PERMIT2_PROXY, code(contracts.code("x402ExactPermit2Proxy")?));
    put(X402_UPTO_PERMIT2_PROXY, code(contracts.code("x402UptoPermit2Proxy")?));
    for spec in spec.tokens {
        put(spec.address, token(spec, accounts, contracts)?);
    }
    put(MULTICALL3, code(tempo_contracts::Multicall3::DEPLOYED_BYTECODE.clone()));
    put(spec.eth_usd_feed, feed(contracts, "ETH / USD", ETH_USD_E8, now)?);
    put(spec.usdc_usd_feed, feed(contracts, "USDC / USD", USDC_USD_E8, now)?);
    if spec.pays_l1() {
        put(L1_BLOCK, Entry { storage: slots::l1_block(&spec.l1), ..code(contracts.code("L1Block")?) });
        let oracle = if spec.kind == ChainKind::Arbitrum { ARBITRUM_FEES } else { GAS_PRICE_ORACLE };
        put(
            oracle,
            Entry { storage: vec![(slot(0), slot(0x0101))], ..code(contracts.code("GasPriceOracle")?) },
        );
    }
    if spec.kind == ChainKind::Arbitrum {
        put(NODE_INTERFACE, code(contracts.code("NodeInterface")?));
        let minimum = vec![(slot(0), slot(10_000_000))];
        put(ARB_GAS_INFO, Entry { storage: minimum, ..code(contracts.code("ArbGasInfo")?) });
    }
    Ok(json!({
        "config": {"chainId": spec.chain_id},
        "difficulty": "0x0",
        "gasLimit": "0x7270e00",
        "baseFeePerGas": format!("{:#x}", spec.base_fee_wei),
        "timestamp": format!("{now:#x}"),
        "alloc": alloc,
    }))
}

fn ether() -> U256 {
    U256::from(10).pow(U256::from(18))
}

fn slot(number: u64) -> B256 {
    B256::from(U256::from(number))
}

fn code(code: Bytes) -> Entry {
    Entry { code: Some(code), ..Entry::default() }
}

/// Everyone who starts with native coin, and how much of it.
fn funded(accounts: &Accounts) -> impl Iterator<Item = (&Account, u64)> {
    let payers = accounts.payers().iter().map(|account| (account, 10));
    payers
        .chain(accounts.merchants().iter().map(|account| (account, 1)))
        .chain(accounts.settlers().iter().map(|account| (account, 1_000)))
}

/// The proxy of USDC with the whole state of the token.
fn usdc(spec: &ChainSpec, accounts: &Accounts, contracts: &Contracts) -> Result<Entry> {
    let master = parse(USDC_MASTER)?.into_word();
    let implementation = parse(USDC_IMPLEMENTATION)?.into_word();
    let mut storage = vec![
        (keccak256("org.zeppelinos.proxy.implementation"), implementation),
        (keccak256("org.zeppelinos.proxy.admin"), slot(1)),
        (slot(0), master),
        (slot(1), master),
        (slot(2), master),
        (slot(4), slots::short_string(spec.usdc_name)),
        (slot(5), slots::short_string("USDC")),
        (slot(6), slot(6)),
        (slot(7), slots::short_string("USD")),
        (slot(8), master),
        (slots::mapping(parse(USDC_MASTER)?, 12), slot(1)),
        (slots::mapping(parse(USDC_MASTER)?, 13), B256::from(U256::MAX >> 1)),
    ];
    let mut supply = U256::ZERO;
    for (account, dollars) in holders(accounts) {
        let units = U256::from(dollars) * U256::from(1_000_000);
        storage.push((slots::mapping(parse(account.address())?, slots::USDC_BALANCES), B256::from(units)));
        supply += units;
    }
    storage.push((slot(slots::USDC_SUPPLY), B256::from(supply)));
    Ok(Entry { storage, ..code(contracts.code("UsdCoinProxy")?) })
}

/// A token beside USDC with its holders. Nobody has an allowance.
fn token(spec: &TokenSpec, accounts: &Accounts, contracts: &Contracts) -> Result<Entry> {
    let mut storage = vec![
        (slot(slots::TOKEN_NAME), slots::short_string(spec.name)),
        (slot(slots::TOKEN_SYMBOL), slots::short_string(spec.symbol)),
        (slot(slots::TOKEN_DECIMALS), slot(spec.decimals.into())),
    ];
    let mut supply = U256::ZERO;
    for (account, whole) in holders(accounts) {
        let units = U256::from(whole) * U256::from(10).pow(U256::from(spec.decimals));
        storage.push((slots::mapping(parse(account.address())?, slots::TOKEN_BALANCES), B256::from(units)));
        supply += units;
    }
    storage.push((slot(slots::TOKEN_SUPPLY), B256::from(supply)));
    Ok(Entry { storage, ..code(contracts.code(spec.contract)?) })
}

/// Everyone who starts with USDC and the other tokens: payers, and every other merchant.
fn holders(accounts: &Accounts) -> impl Iterator<Item = (&Account, u64)> {
    let payers = accounts.payers().iter().map(|account| (account, 10_000));
    payers.chain(accounts.merchants().iter().step_by(2).map(|account| (account, 100)))
}

fn feed(contracts: &Contracts, description: &str, answer: u64, now: u64) -> Result<Entry> {
    let storage = vec![
        (slot(0), slot(answer)),
        (slot(1), slot(now)),
        (slot(2), slots::round_and_decimals(1, 8)),
        (slot(3), slots::short_string(description)),
    ];
    Ok(Entry { storage, ..code(contracts.code("PriceFeed")?) })
}

/// Permit2's runtime code with its two immutables as its constructor would set them on this chain: the chain
/// id, then the domain separator.
fn permit2(chain_id: u64) -> Result<Bytes> {
    let mut domain = Vec::new();
    domain.extend(keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"));
    domain.extend(keccak256("Permit2"));
    domain.extend(slot(chain_id));
    domain.extend(parse(PERMIT2)?.into_word());
    let mut code = tempo_contracts::Permit2::DEPLOYED_BYTECODE.to_vec();
    let mut blank = [0_u8; 33];
    blank[0] = 0x7f; // PUSH32 of nothing: a place left for an immutable
    for value in [slot(chain_id), keccak256(domain)] {
        if let Some(at) = code.windows(blank.len()).position(|window| window == blank) {
            code[at + 1..at + blank.len()].copy_from_slice(value.as_slice());
        }
    }
    Ok(code.into())
}

fn parse(address: &str) -> Result<Address> {
    address.parse().map_err(|_| DevnetError::BadInput {
        what: "address",
        value: address.to_owned(),
        expected: "20 bytes of hex with 0x",
    })
}

fn json_of(entry: Entry) -> Value {
    let mut account = Map::new();
    account.insert("balance".into(), json!(entry.balance));
    if let Some(code) = entry.code {
        account.insert("nonce".into(), json!("0x1"));
        account.insert("code".into(), json!(code));
    }
    let storage: Map<String, Value> =
        entry.storage.into_iter().map(|(slot, value)| (slot.to_string(), json!(value))).collect();
    if !storage.is_empty() {
        account.insert("storage".into(), Value::Object(storage));
    }
    Value::Object(account)
}
