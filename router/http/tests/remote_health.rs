//! A facilitator that dies and comes back: what it is asked meanwhile, and by what it shows that it is back.

mod common;

use common::chain::{CHAIN, Chain, ENTRY, order};
use common::{NoDice, Wall, registry};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{AssetId, Blame, Code, Next, Oracle, Result, Settler, UsdPrice, flow};
use tollway_http::RemoteFacilitator;
use tollway_route::pool::{Pool, PoolBuilder, PoolSettings, Probe, Standing};
use tollway_route::{QuoteBook, QuoteSettings, Spawn};
use tollway_testkit::facilitator::{FakeFacilitator, Reply, Script};

struct Dollars;

#[tollway_core::async_trait]
impl Oracle for Dollars {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        let at = tollway_core::Clock::now(&Wall);
        Ok(UsdPrice { answer: 100_000_000, answer_decimals: 8, asset_decimals: 6, at })
    }
}

fn remote(fake: &FakeFacilitator) -> RemoteFacilitator {
    RemoteFacilitator::builder(&fake.url(), registry(&Chain::new(), &[]), Arc::new(Wall)).build().unwrap()
}

/// Rests of a fifth of a second, so that a test sees some of them.
fn pool(fakes: &[&FakeFacilitator]) -> Pool {
    let spawn: Spawn = Arc::new(|work| drop(tokio::spawn(work)));
    let (clock, oracle) = (Arc::new(Wall), Arc::new(Dollars));
    let quotes = QuoteBook::new([], oracle, clock.clone(), spawn.clone(), QuoteSettings::default());
    let parts = PoolBuilder {
        name: "shop".to_owned(),
        registry: registry(&Chain::new(), &[]),
        quotes: Arc::new(quotes),
        ledger: Arc::new(MemoryLedger::new()),
        clock,
        dice: Arc::new(NoDice),
        spawn,
        settings: PoolSettings { rest_ms: 200, rest_ms_max: 200, ..PoolSettings::default() },
    };
    parts.build(fakes.iter().map(|fake| remote(fake).seat()).collect()).unwrap()
}

fn well() -> Script {
    Script::new()
        .supported([Reply::kinds(&[(2, "exact", CHAIN)])])
        .path("/health", [Reply::json(&serde_json::json!({ "ok": true }))])
        .verify([Reply::valid()])
}

fn asked(fake: &FakeFacilitator) -> [usize; 3] {
    ["/supported", "/health", "/verify"].map(|path| fake.heard_at(path).len())
}

/// Verifies until `done`, and says how often.
async fn verify_until(pool: &Pool, done: impl Fn() -> bool) {
    for _ in 0..3_000 {
        pool.verify(&order("n1")).await.unwrap();
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not come to that");
}

#[tokio::test]
async fn between_its_death_and_its_return_it_hears_probes_and_nothing_else() {
    let (first, second) = (well().start().await.unwrap(), well().start().await.unwrap());
    let pool = pool(&[&first, &second]);
    pool.verify(&order("n1")).await.unwrap();
    assert_eq!((asked(&first), asked(&second)), ([1, 0, 1], [1, 0, 0]));

    first.instead("/verify", [Reply::status(503)]);
    first.instead("/supported", [Reply::status(503)]);
    first.instead("/health", [Reply::status(503)]);
    for _ in 0..3 {
        pool.verify(&order("n1")).await.unwrap();
    }
    assert_eq!((asked(&first), asked(&second)), ([1, 0, 4], [1, 0, 3]), "three failures");
    verify_until(&pool, || asked(&first)[1] >= 3).await;
    assert_eq!((asked(&first)[0], asked(&first)[2]), (1, 4), "no payment is risked on it");

    first.instead("/verify", [Reply::valid()]);
    first.instead("/supported", [Reply::kinds(&[(2, "exact", CHAIN)])]);
    // It runs again, and cannot settle yet.
    first.instead("/health", [Reply::json(&serde_json::json!({ "ok": false }))]);
    let before = asked(&first)[1];
    verify_until(&pool, || asked(&first)[1] >= before + 2).await;
    assert_eq!((asked(&first)[0], asked(&first)[2]), (1, 4));

    first.instead("/health", [Reply::json(&serde_json::json!({ "ok": true }))]);
    verify_until(&pool, || asked(&first)[2] > 4).await;
    let probes = asked(&first)[1];
    let other = asked(&second)[2];
    for _ in 0..20 {
        pool.verify(&order("n1")).await.unwrap();
    }
    assert_eq!(
        (asked(&first)[1], asked(&first)[2]),
        (probes, 4 + 1 + 20),
        "the breaker is closed: no probes"
    );
    assert_eq!(asked(&second)[2], other);
}

#[tokio::test]
async fn health_where_there_is_one_and_else_what_it_supports() {
    let kinds = || Reply::kinds(&[(2, "exact", CHAIN)]);
    let cases = [
        ("ours", Reply::json(&serde_json::json!({ "ok": true })), kinds(), true, 0),
        ("ours, without its ledger", Reply::json(&serde_json::json!({ "ok": false })), kinds(), false, 0),
        ("one that lists its kinds there", kinds(), kinds(), true, 0),
        ("words", Reply::new(200, "text/plain", "OK"), kinds(), true, 0),
        ("none there", Reply::status(404), kinds(), true, 1),
        ("for its owner alone", Reply::status(401), kinds(), true, 1),
        ("none there, and ill", Reply::status(404), Reply::status(503), false, 1),
        ("none there, and another server", Reply::status(404), Reply::new(200, "text/html", "<p>"), false, 1),
        ("ill", Reply::status(503), kinds(), false, 0),
        ("sends us elsewhere", Reply::status(302), kinds(), false, 0),
        ("gone", Reply::cut(), kinds(), false, 0),
    ];
    for (what, health, supported, alive, asks) in cases {
        let fake = Script::new().path("/health", [health]).supported([supported]).start().await.unwrap();
        let answer = remote(&fake).alive().await;
        assert_eq!((answer.is_ok(), asked(&fake)), (alive, [asks, 1, 0]), "{what}: {answer:?}");
        assert!(answer.is_ok() || !answer.unwrap_err().is_unknown_outcome(), "{what}");
    }
    let gone = well().start().await.unwrap();
    let remote = remote(&gone);
    drop(gone);
    assert_eq!(remote.alive().await.unwrap_err().code, Code::Unreachable);
}

/// A payer signs an approval that cannot be sent, as often as it likes, and no member is the worse for it.
#[tokio::test]
async fn payers_whose_approvals_cannot_be_sent_make_no_member_rest() {
    let unsent = || well().settle([Reply::failed(Code::ApprovalNotSent)]);
    let (first, second) = (unsent().start().await.unwrap(), unsent().start().await.unwrap());
    let pool = pool(&[&first, &second]);
    for nonce in ["n1", "n2", "n3", "n4"] {
        let verified = flow::verify(ENTRY.read, &pool, order(nonce), &Wall).await.unwrap();
        let due = verified.due(order(nonce).requirement.price.full()).unwrap();
        let e = pool.settle(due).await.unwrap_err();
        assert_eq!((e.code, e.blame, e.next), (Code::ApprovalNotSent, Blame::Payer, Next::OtherRoute));
    }
    let settles = [&first, &second].map(|fake| fake.heard_at("/settle").len());
    let members = pool.members().await.unwrap();
    assert!(members.iter().all(|member| member.standing == Standing::Well), "{members:?}");
    assert_eq!(settles, [4, 0], "nobody else is asked for it");
}
