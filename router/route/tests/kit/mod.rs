//! Chains, a wallet, a settler, a ledger and a clock that do as they are told, and give way at every await.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]

mod books;
mod exchange;
mod scheme;
mod world;

pub(crate) use books::{Books, Fails};
pub(crate) use exchange::{Act, Till, ok_receipt};
pub(crate) use scheme::{FAMILY, entry_of, nonce_of};
pub(crate) use world::{Net, Script, World, poll, run, step};

use std::sync::Arc;
use tollway_core::*;
use tollway_route::*;

pub(crate) const PAYEE: &str = "shop";
pub(crate) const ME: &str = "me";
/// Chains `test:1` … are testnets, `real:` is no family of ours, `test:9` is a mainnet.
pub(crate) const MAINNET: &str = "test:9";

pub(crate) fn chain(n: u8) -> ChainId {
    ChainId::new(&format!("test:{n}")).unwrap()
}

pub(crate) fn asset(n: u8, key: &str) -> AssetId {
    AssetId::new(chain(n), key).unwrap()
}

pub(crate) fn usdc(n: u8) -> AssetId {
    asset(n, "usdc")
}

pub(crate) fn payee(n: u8, who: &str) -> Account {
    Account::new(chain(n), who).unwrap()
}

/// One entry: `atomic` of the chain's dollar for the shop.
pub(crate) fn accept(n: u8, atomic: u128) -> Entry {
    accept_in(usdc(n), atomic, PAYEE, 60)
}

pub(crate) fn accept_in(asset: AssetId, atomic: u128, who: &str, timeout_s: u64) -> Entry {
    let text = format!(
        r#"{{"scheme":"fake","network":"{}","amount":"{atomic}","asset":"{}","payTo":"{who}","maxTimeoutSeconds":{timeout_s}}}"#,
        asset.chain,
        asset.key(),
    );
    let raw = Json::parse(text).unwrap();
    Entry { requirement: wire::read_requirement(&raw, Version::V2, &[FAMILY]), raw }
}

pub(crate) fn broken() -> Entry {
    let raw = Json::parse(r#"{"scheme":7}"#).unwrap();
    Entry { requirement: wire::read_requirement(&raw, Version::V2, &[FAMILY]), raw }
}

pub(crate) fn challenge(accepts: Vec<Entry>) -> Challenge {
    Challenge { version: Version::V2, accepts, resource: None, extensions: None, error: None }
}

pub(crate) fn policy() -> Policy {
    Policy { cap: Some(Usd::from_micros(10_000_000)), ..Policy::default() }
}

/// A router over a world with chains 1 to 4 and mainnet 9.
pub(crate) fn router(world: &Arc<World>, policy: Policy) -> Router {
    router_with(world, policy, None)
}

pub(crate) fn router_with(world: &Arc<World>, policy: Policy, scorer: Option<Arc<dyn Scorer>>) -> Router {
    RouterBuilder {
        registry: registry(world, &[1, 2, 3, 4, 9]),
        quotes: book(world),
        ledger: world.books.clone(),
        clock: world.clone(),
        dice: world.clone(),
        policy,
        scorer,
    }
    .build()
}

pub(crate) fn registry(world: &Arc<World>, chains: &[u8]) -> Arc<Registry> {
    let mut builder = Registry::builder()
        .with(entry_of())
        .family(FAMILY)
        .role(Role::Payer)
        .role(Role::Seller)
        .role(Role::Settler);
    for n in chains {
        builder = builder.network(world.handle(chain(*n)));
    }
    let ledger: Arc<dyn Ledger> = world.books.clone();
    Arc::new(builder.build(ledger, world.clone(), world.clone()).unwrap())
}

pub(crate) fn book(world: &Arc<World>) -> Arc<QuoteBook> {
    book_with(world, QuoteSettings::default())
}

pub(crate) fn book_with(world: &Arc<World>, settings: QuoteSettings) -> Arc<QuoteBook> {
    book_by(world, world.clone(), settings)
}

pub(crate) fn book_by(
    world: &Arc<World>,
    oracle: Arc<dyn Oracle>,
    settings: QuoteSettings,
) -> Arc<QuoteBook> {
    let networks = [1, 2, 3, 4, 9].map(|n| world.network(chain(n)));
    let spawner = world.clone();
    let spawn: Spawn = Arc::new(move |task| spawner.spawn(task));
    Arc::new(QuoteBook::new(networks, oracle, world.clone(), spawn, settings))
}

/// Every attempt's record, as the ledger has it.
pub(crate) fn journal(world: &World) -> Vec<pay::AttemptRecord> {
    let records = futures::executor::block_on(world.books.inner.scan("attempt/", None, 10_000)).unwrap();
    records.iter().map(|r| serde_json::from_str(&r.value).unwrap()).collect()
}

/// What the wallet's budget on chain `n` has held and spent.
pub(crate) fn wallet_used(world: &World, n: u8) -> u128 {
    let line = BudgetLine {
        budget: BudgetId(format!("wallet:{}/{}", payee(n, ME), usdc(n).key())),
        amount: 0,
        limit: 0,
        since: Time::ZERO,
    };
    futures::executor::block_on(world.books.inner.used(&[line])).unwrap()[0]
}
