//! Prices over HTTP, against a feed that is honest, slow, stale, huge, lying or gone.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tollway_core::*;
use tollway_http::spot::{Feed, SpotOracle};

const NOW: u64 = 1_800_000_000;

/// Seconds that only a test moves.
struct Hand(AtomicU64);

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_secs(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn asset(chain: &str) -> AssetId {
    AssetId::native(ChainId::new(chain).unwrap())
}

async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn bad(path: &str) -> Response {
    let json = |text: String| text.into_response();
    match path {
        "/old" => json(format!(r#"{{"p":"1.5","t":{}}}"#, NOW - 400)),
        "/ahead" => json(format!(r#"{{"p":"1.5","t":{}}}"#, NOW + 400)),
        "/cached" => ([("age", "400")], r#"{"p":"1.5"}"#).into_response(),
        "/zero" => json(r#"{"p":0}"#.into()),
        "/html" => json("<html>".into()),
        "/huge" => json(format!(r#"{{"p":"{}"}}"#, "1".repeat(1 << 20))),
        "/busy" => (StatusCode::TOO_MANY_REQUESTS, r#"{"p":"1.5"}"#).into_response(),
        "/moved" => (StatusCode::FOUND, [("location", "/good")]).into_response(),
        "/never" => {
            Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>()).into_response()
        }
        _ => json(r#"{"p":"1.5"}"#.into()),
    }
}

#[tokio::test]
async fn every_bad_answer_has_a_name() {
    let app = Router::new().fallback(|uri: http::Uri| async move { bad(uri.path()).await });
    let url = serve(app).await;
    let gone = "http://127.0.0.1:1";
    for (path, timed, want) in [
        ("/good", false, None),
        ("/old", true, Some(Code::StalePrice)),
        ("/ahead", true, Some(Code::AbsurdPrice)),
        ("/cached", false, Some(Code::StalePrice)),
        ("/good", true, Some(Code::InvalidAnswer)),
        ("/zero", false, Some(Code::AbsurdPrice)),
        ("/html", false, Some(Code::InvalidAnswer)),
        ("/huge", false, Some(Code::TooLarge)),
        ("/busy", false, Some(Code::NoPrice)),
        ("/moved", false, Some(Code::NoPrice)),
        ("/never", false, Some(Code::TimedOut)),
    ] {
        let feed = Feed::new(&format!("{url}{path}?key=secret"), "/p").unwrap();
        let feed = if timed { feed.time("/t").unwrap() } else { feed };
        let got = oracle(feed).usd(&asset("eip155:1")).await;
        assert_eq!(got.as_ref().err().map(|e| e.code.clone()), want, "{path}: {got:?}");
        assert!(!format!("{got:?}").contains("secret"), "{got:?}");
    }
    let none = oracle(Feed::new(gone, "/p").unwrap()).usd(&asset("eip155:1")).await.unwrap_err();
    assert_eq!((none.code, none.next), (Code::NoPrice, Next::Later));
}

fn oracle(feed: Feed) -> SpotOracle {
    let clock = Arc::new(Hand(AtomicU64::new(NOW)));
    SpotOracle::new(clock).unwrap().with(feed, [(asset("eip155:1"), 18)]).unwrap()
}

#[tokio::test]
async fn one_request_serves_everybody_who_asks_and_a_dropped_one_nobody_misses() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let app = Router::new().route(
        "/spot",
        get(move |headers: HeaderMap| {
            let count = count.clone();
            async move {
                assert_eq!(headers["x-api-key"], "hush");
                tokio::time::sleep(Duration::from_millis(50)).await;
                format!(r#"{{"data":{{"amount":{}.25}}}}"#, 2000 + count.fetch_add(1, Ordering::SeqCst))
            }
        }),
    );
    let url = format!("{}/spot", serve(app).await);
    let feed = Feed::new(&url, "/data/amount").unwrap().header("x-api-key", "hush").unwrap();
    let clock = Arc::new(Hand(AtomicU64::new(NOW)));
    let both = [(asset("eip155:1"), 18), (asset("eip155:8453"), 18)];
    let oracle = Arc::new(SpotOracle::new(clock.clone()).unwrap().with(feed, both).unwrap());
    assert!(!format!("{oracle:?}").contains("hush"));

    let (here, there) = (asset("eip155:1"), asset("eip155:8453"));
    assert!(tokio::time::timeout(Duration::from_millis(5), oracle.usd(&here)).await.is_err(), "gave up");
    let waiting = futures::future::join_all((0..20).map(|i| {
        let (oracle, asset) = (oracle.clone(), if i % 2 == 0 { here } else { there });
        async move { oracle.usd(&asset).await.unwrap().answer }
    }));
    assert!(waiting.await.iter().all(|answer| *answer == 200_025));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "one request, by whoever came first");

    clock.0.fetch_add(6, Ordering::SeqCst);
    let later = oracle.usd(&there).await.unwrap();
    assert_eq!((later.answer, later.answer_decimals, later.at), (200_125, 2, Time::from_secs(NOW + 6)));
    let unknown = oracle.usd(&asset("eip155:10")).await.unwrap_err();
    assert_eq!((unknown.code, unknown.blame), (Code::NoPrice, Blame::Caller));
}

#[test]
fn where_a_price_comes_from_is_checked_when_it_is_set() {
    for (url, pointer, good) in [
        ("https://prices.example/eth", "/p", true),
        ("http://127.0.0.1:8080/eth", "/p", true),
        ("http://[::1]/eth", "/p", true),
        ("http://localhost/eth", "", true),
        ("http://prices.example/eth", "/p", false),
        ("http://127.0.0.1.example/eth", "/p", false),
        ("ftp://prices.example/eth", "/p", false),
        ("prices.example", "/p", false),
        ("https://prices.example/eth", "p", false),
    ] {
        let feed = Feed::new(url, pointer);
        assert_eq!(feed.is_ok(), good, "{url} {pointer}");
        assert!(feed.is_ok() || feed.is_err_and(|e| e.code == Code::BadSettings));
    }
    assert!(Feed::new("https://a.example", "/p").unwrap().header("bad name", "x").is_err());
}
