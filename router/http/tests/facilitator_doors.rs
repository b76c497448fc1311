//! Who may use a facilitator, and how it says no.

mod common;

use common::chain::{Chain, Script, body};
use common::{Wall, registry, server};
use serde_json::Value;
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::screen::{Screen, Subject, Verdict};
use tollway_core::{Code, Error, Ledger, Oracle, Result, Role, UsdPrice, async_trait};
use tollway_http::Facilitator;
use tollway_http::facilitator::{ApiKeys, Builder, Settings};
use tollway_route::{Guard, GuardSettings, List, QuoteBook, QuoteSettings, Screening, Silence};

const KEY: &str = "correct-horse-battery";
const OTHER: &str = "staple-staple-staple";

struct Door {
    chain: Arc<Chain>,
    address: String,
    http: reqwest::Client,
}

struct NoPrices;

#[async_trait]
impl Oracle for NoPrices {
    async fn usd(&self, _: &tollway_core::AssetId) -> Result<UsdPrice> {
        Err(Error::network(Code::NoPrice))
    }
}

fn guard(settings: GuardSettings) -> Guard {
    let spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let quotes = QuoteBook::new([], Arc::new(NoPrices), Arc::new(Wall), spawn, QuoteSettings::default());
    Guard::new(settings, Arc::new(quotes), Arc::new(MemoryLedger::new()), Arc::new(Wall)).unwrap()
}

impl Door {
    async fn new(change: impl FnOnce(Builder) -> Builder) -> Self {
        let chain = Chain::new();
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let builder =
            Facilitator::builder("test", registry(&chain, &[Role::Settler]), ledger, Arc::new(Wall));
        let facilitator = change(builder).build().unwrap();
        let address = server::facilitator(&facilitator).await;
        Self { chain, address, http: reqwest::Client::new() }
    }
    async fn post(
        &self,
        path: &str,
        headers: &[&str],
        body: String,
    ) -> (u16, Value, reqwest::header::HeaderMap) {
        let mut request = self.http.post(format!("{}{path}", self.address)).body(body);
        for header in headers {
            request = request.header("authorization", *header);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap(), headers)
    }
}

fn reason(answer: &Value) -> &str {
    answer["invalidReason"].as_str().or_else(|| answer["errorReason"].as_str()).unwrap_or("")
}

fn keys() -> ApiKeys {
    ApiKeys::new().with("shop", KEY).unwrap().with("other", OTHER).unwrap()
}

#[tokio::test]
async fn a_key_opens_and_nothing_else_does() {
    let door = Door::new(|builder| builder.keys(keys())).await;
    let (bearer, lower) = (format!("Bearer {KEY}"), format!("bearer  {OTHER} "));
    let (short, long) = (format!("Bearer {}", &KEY[1..]), format!("Bearer {KEY}x"));
    let (basic, bare) = (format!("Basic {KEY}"), KEY.to_owned());
    let huge = format!("Bearer {}", "k".repeat(4_000));
    let refused: [&[&str]; 9] = [
        &[],
        &[&short],
        &[&long],
        &[&basic],
        &[&bare],
        &["Bearer "],
        &["Bearer"],
        &[&bearer, &bearer],
        &[&huge],
    ];
    for headers in refused {
        for path in ["/verify", "/settle"] {
            // A body that is none: nothing of it is looked at.
            let (status, answer, got) = door.post(path, headers, "{".to_owned()).await;
            assert_eq!((status, reason(&answer)), (401, "unauthorized"), "{headers:?}");
            assert_eq!(got["www-authenticate"], "Bearer");
            assert!(!answer.to_string().contains(&KEY[2..]), "{answer}");
        }
    }
    assert_eq!((door.chain.verifies(), door.chain.settles()), (0, 0));
    for (n, header) in [&bearer, &lower].into_iter().enumerate() {
        let (status, answer, _) = door.post("/settle", &[header], body(&n.to_string())).await;
        assert_eq!((status, &answer["success"]), (200, &Value::from(true)), "{answer}");
    }
    // What it can do, and whether it lives, is told to everybody.
    for path in ["/supported", "/health"] {
        assert_eq!(door.http.get(format!("{}{path}", door.address)).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn an_open_door_still_refuses_a_wrong_key() {
    let door = Door::new(|builder| builder.keys(keys().or_anyone())).await;
    let (status, answer, _) = door.post("/settle", &[], body("1")).await;
    assert_eq!((status, &answer["success"]), (200, &Value::from(true)));
    let (status, ..) = door.post("/settle", &["Bearer wrong-wrong-wrong-wrong"], body("2")).await;
    assert_eq!(status, 401);
}

#[test]
fn keys_that_are_none_are_refused_and_never_shown() {
    let bad = [
        ApiKeys::new().with("shop", "short"),
        ApiKeys::new().with("shop", &"long".repeat(300)),
        ApiKeys::new().with("shop", "with a space in it"),
        ApiKeys::new().with("shop", "nicht-ganz-ASCII-ä"),
        ApiKeys::new().with("a/b", KEY),
        ApiKeys::new().with("*", KEY),
        keys().with("third", KEY),
    ];
    for keys in bad {
        let e = keys.unwrap_err();
        assert_eq!(e.code, Code::BadSettings);
        assert!(!e.to_string().contains("short\"") && !e.to_string().contains(KEY), "{e}");
    }
    let keys = keys().with("shop", "a-second-key-of-the-shop").unwrap();
    assert_eq!((keys.len(), format!("{keys:?}").as_str()), (3, r#"["shop", "other", "shop"]"#));
}

#[tokio::test]
async fn one_caller_cannot_take_every_place() {
    let mut settings = Settings::default();
    settings.settles_per_caller_max = 2;
    let door = Arc::new(Door::new(|builder| builder.settings(settings).keys(keys())).await);
    door.chain.script(Script::Slow(60_000));
    let (shop, other) = (format!("Bearer {KEY}"), format!("Bearer {OTHER}"));
    for n in 0..2 {
        let (door, shop) = (door.clone(), shop.clone());
        tokio::spawn(async move { door.post("/settle", &[&shop], body(&n.to_string())).await });
    }
    while door.chain.settles() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let (status, answer, headers) = door.post("/settle", &[&shop], body("third")).await;
    assert_eq!((status, reason(&answer)), (429, "too_many_settlements"));
    assert_eq!(headers["retry-after"], "60");
    door.chain.script(Script::Land);
    let (status, ..) = door.post("/settle", &[&other], body("other")).await;
    assert_eq!(status, 200);
    assert_eq!(door.chain.settles(), 3);
}

#[tokio::test]
async fn merchants_and_tokens_off_the_list_are_forbidden() {
    let nobody = GuardSettings { payees: List::Only(Vec::new()), ..GuardSettings::off() };
    let nothing = GuardSettings { assets: List::Only(Vec::new()), ..GuardSettings::off() };
    for (settings, code) in [(nobody, "payee_not_served"), (nothing, "asset_not_served")] {
        let door = Door::new(|builder| builder.guard(Arc::new(guard(settings)))).await;
        for path in ["/verify", "/settle"] {
            let (status, answer, _) = door.post(path, &[], body("1")).await;
            assert_eq!((status, reason(&answer)), (403, code), "{answer}");
        }
        assert_eq!((door.chain.verifies(), door.chain.settles()), (0, 0));
    }
}

/// Says the same of everybody.
struct Says(Result<Verdict>);

#[async_trait]
impl Screen for Says {
    fn source(&self) -> String {
        "a list".to_owned()
    }
    async fn check(&self, _: &Subject<'_>) -> Result<Verdict> {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_screening_forbids_and_its_silence_is_no_verdict() {
    let denied = Ok(Verdict::Denied("listed".to_owned()));
    let silent = || Err(Error::network(Code::Unreachable).detail("node.example/0secret0"));
    let table = [
        (denied, Silence::Open, 403, "screening_denied"),
        (silent(), Silence::Closed, 503, "screening_unavailable"),
        (silent(), Silence::Open, 200, ""),
        (Ok(Verdict::Clear), Silence::Closed, 200, ""),
    ];
    for (said, silence, want, code) in table {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let screening =
            Arc::new(Screening::new(Arc::new(Says(said)), silence, 1_000, ledger, Arc::new(Wall)));
        let guard = Arc::new(guard(GuardSettings::off()).screening(screening));
        let door = Door::new(|builder| builder.guard(guard)).await;
        for path in ["/verify", "/settle"] {
            let (status, answer, _) = door.post(path, &[], body("1")).await;
            assert_eq!((status, reason(&answer)), (want, code), "{answer}");
            assert!(!answer.to_string().contains("secret"), "{answer}");
        }
        assert_eq!(door.chain.settles(), usize::from(want == 200));
    }
}

/// Without a price nothing passes that needs one, and it is nobody's verdict.
#[tokio::test]
async fn a_guard_without_prices_is_blind() {
    let settings = GuardSettings { amount_usd_min: Some(tollway_core::Usd::ONE), ..GuardSettings::off() };
    let door = Door::new(|builder| builder.guard(Arc::new(guard(settings)))).await;
    let (status, answer, _) = door.post("/verify", &[], body("1")).await;
    assert_eq!((status, reason(&answer)), (503, "no_price"), "{answer}");
}
