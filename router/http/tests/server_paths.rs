//! No spelling of a path gets around the paywall.

mod server_common;

use axum::Router;
use http::{Method, StatusCode};
use proptest::prelude::*;
use server_common::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_http::server::{Methods, Priced};

/// A service that serves anything at any path, decoding as sloppily as it likes: the worst that can stand behind.
fn anything(world: &World, runs: &Arc<Counter>) -> Router {
    let paywall = world
        .builder()
        .route(Method::GET, "/premium", Priced::fixed(cents(1), rails()))
        .route(Method::GET, "/files/secret/{id}", Priced::fixed(cents(500), rails()))
        .route(Method::GET, "/files/{*rest}", Priced::fixed(cents(1), rails()))
        .route([Method::POST], "/echo", Priced::fixed(cents(1), rails()))
        .build()
        .unwrap();
    Router::new().fallback_service(counting(runs, "anything")).layer(paywall)
}

#[tokio::test]
async fn the_table_of_tricks() {
    let (world, runs) = (World::new(), Arc::new(Counter::new(0)));
    let app = anything(&world, &runs);
    let (free, paid, unclear) = (StatusCode::OK, StatusCode::PAYMENT_REQUIRED, StatusCode::BAD_REQUEST);
    let rows = [
        ("/free", free),
        ("/", free),
        ("/premiums", free),
        ("/premium/more", free),
        ("/other/premium", free),
        ("/caf%C3%A9", free),
        ("/free%2Fstuff", free),
        ("/premium", paid),
        ("/premium?x=/../free", paid),
        ("/premium/", paid),
        ("//premium", paid),
        ("/./premium", paid),
        ("/free/../premium", paid),
        ("/free/%2e%2e/premium", paid),
        ("/free/.%2E/premium", paid),
        ("/%70remium", paid),
        ("/%70%72%65%6D%69%75%6d", paid),
        ("/PREMIUM", paid),
        ("/files/a%20b.pdf", paid),
        ("/files/100%25", paid),
        ("/%2570remium", unclear),
        ("/%252570remium", unclear),
        ("/premium;v=1", unclear),
        ("/free;x/..;y/premium", unclear),
        ("/premium%00", unclear),
        ("/premium%00.txt", unclear),
        ("/premium%2F", unclear),
        ("/premium%252f", unclear),
        ("/free%2f..%2fpremium", unclear),
        ("/free/..%5cpremium", unclear),
        ("/free\\..\\premium", unclear),
        ("/files/../free", unclear),
        ("/files//secret/1", unclear),
        ("/files/secret%2F1", unclear),
        ("/files/%2573ecret/1", unclear),
        ("/files/a%2fb", unclear),
        ("/files/x/..%c0%af..", unclear),
        ("/premium%25252525252500", unclear),
    ];
    for (path, want) in rows {
        let reply = get(path).to(&app).await;
        assert_eq!(reply.status, want, "{path}: {}", reply.text());
        assert_eq!(reply.challenge().is_some(), want == paid, "{path}");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 7, "only what is free ran");
}

#[tokio::test]
async fn a_payment_is_taken_at_the_normal_spelling_only() {
    let (world, runs) = (World::new(), Arc::new(Counter::new(0)));
    let app = anything(&world, &runs);
    let odd = get("/free/%2e%2e/%70remium?a=1").to(&app).await;
    let resource = odd.challenge().unwrap().resource.unwrap().value();
    assert_eq!(resource["url"], "https://shop.test/premium?a=1");
    let payment = pay(&odd, 0, "n1");
    let moved = get("/free/%2e%2e/%70remium?a=1").pays(&payment).to(&app).await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (StatusCode::PERMANENT_REDIRECT, Some("/premium?a=1"))
    );
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (0, 0));
    let paid = get("/premium?a=1").pays(&payment).to(&app).await;
    assert_eq!((paid.status, paid.text()), (StatusCode::OK, "anything"));
}

#[tokio::test]
async fn methods() {
    let (world, runs) = (World::new(), Arc::new(Counter::new(0)));
    let app = anything(&world, &runs);
    let rows = [
        (Method::HEAD, "/premium", 402),
        (Method::from_bytes(b"get").unwrap(), "/premium", 402),
        (Method::from_bytes(b"Head").unwrap(), "/premium", 402),
        (Method::OPTIONS, "/premium", 200),
        (Method::DELETE, "/premium", 200),
        (Method::POST, "/echo", 402),
        (Method::GET, "/echo", 200),
        (Method::HEAD, "/echo", 200),
    ];
    for (method, path, want) in rows {
        let reply = get(path).method(method.clone()).to(&app).await;
        assert_eq!(reply.status.as_u16(), want, "{method} {path}");
    }
    let all = world.builder().route(Methods::any(), "/a", Priced::fixed(cents(1), rails())).build().unwrap();
    let app = Router::new().fallback_service(counting(&runs, "x")).layer(all);
    for (method, want) in [(Method::DELETE, 402), (Method::TRACE, 402), (Method::OPTIONS, 204)] {
        assert_eq!(get("/a").method(method.clone()).to(&app).await.status.as_u16(), want, "{method}");
    }
}

#[tokio::test]
async fn case_can_be_told_apart() {
    let (world, runs) = (World::new(), Arc::new(Counter::new(0)));
    let paywall =
        world.builder().case_sensitive(true).route(Method::GET, "/a", Priced::fixed(cents(1), rails()));
    let app = Router::new().fallback_service(counting(&runs, "x")).layer(paywall.build().unwrap());
    assert_eq!(get("/A").to(&app).await.status, StatusCode::OK);
    assert_eq!(get("/a").to(&app).await.status, StatusCode::PAYMENT_REQUIRED);
}

#[test]
fn settings_that_make_no_sense() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let priced = || Priced::fixed(cents(1), rails());
    let bad = [
        world.builder(),
        world.builder().route(Method::GET, "a", priced()),
        world.builder().route(Method::GET, "/a", Priced::fixed(cents(1), Vec::new())),
        world.builder().route(Method::GET, "/a/{x}", priced()).route(Methods::any(), "/A/{y}/", priced()),
        world.builder().route(Method::GET, "/a", priced()).route(Method::HEAD, "/a", priced()),
        world.builder().origin("shop.test").route(Method::GET, "/a", priced()),
        world.builder().mounted_at("api").route(Method::GET, "/a", priced()),
    ];
    for builder in bad {
        assert_eq!(builder.build().unwrap_err().code, tollway_core::Code::BadSettings);
    }
    world.builder().route(Method::GET, "/a", priced()).route(Method::POST, "/a", priced()).build().unwrap();
}

/// One more way to write a character.
fn spell(c: char, how: u8) -> String {
    match how % 7 {
        0..=2 => c.to_string(),
        3 => format!("%{:02x}", u32::from(c)),
        4 => format!("%{:02X}", u32::from(c)),
        5 => format!("%25{:02x}", u32::from(c)),
        _ => c.to_ascii_uppercase().to_string(),
    }
}

/// What may stand between two segments without changing where a lenient server goes.
const SLASHES: [&str; 12] =
    ["/", "//", "/./", "/%2e/", "/x/../", "/x/%2e%2E/", "%2f", "%5c", "\\", ";p=1/", "/%2e%2e/", "%252F"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_encoding_of_a_protected_path_is_a_free_pass(
        which in 0usize..3,
        how in proptest::collection::vec(any::<u8>(), 64),
        slashes in proptest::collection::vec(0usize..SLASHES.len(), 8),
        tail in prop_oneof![Just(""), Just("/"), Just("/."), Just("%00"), Just(";a=b"), Just("/x/..")],
    ) {
        let path = ["premium", "files/secret/7", "files/a"][which];
        let (mut how, mut slashes) = (how.into_iter().cycle(), slashes.into_iter().cycle());
        let mut raw = format!("/{}", if how.next().unwrap() % 4 == 0 { "x/../" } else { "" });
        for c in path.chars() {
            match c {
                '/' => raw.push_str(SLASHES[slashes.next().unwrap()]),
                c => raw.push_str(&spell(c, how.next().unwrap())),
            }
        }
        raw.push_str(tail);
        // `/%2e%2e/` swallows a segment, and what is left may be free to any server.
        let swallowed = raw.contains("/%2e%2e/");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(async {
            let (world, runs) = (World::new(), Arc::new(Counter::new(0)));
            get(&raw).to(&anything(&world, &runs)).await
        });
        prop_assert!(!reply.is_free_pass() || swallowed, "{raw} got through");
    }

    /// Whatever one, two or three sloppy decodings in any order make of a path, it is protected if any of them is.
    #[test]
    fn what_any_decoder_takes_for_protected_is(raw in "/([./;%\\\\a-z]|%2e|%2f|%25|premium|%70remium|free|%00){0,12}") {
        let readings = lenient(&raw);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(async {
            let (world, runs) = (World::new(), Arc::new(Counter::new(0)));
            get(&raw).to(&anything(&world, &runs)).await
        });
        prop_assert!(!(readings.iter().any(|r| r == "/premium") && reply.is_free_pass()), "{raw}: {readings:?}");
    }
}

/// How servers are known to read paths: decode n times, then resolve; or resolve, then decode.
fn lenient(raw: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut text = raw.to_owned();
    for _ in 0..4 {
        let folded = text.replace('\\', "/");
        let cut: String = folded.chars().take_while(|c| *c != '\0').collect();
        let bare = folded.split('/').map(|s| s.split(';').next().unwrap()).collect::<Vec<_>>().join("/");
        for t in [&text, &folded, &cut, &bare] {
            out.push(resolve(t));
        }
        text = decode(&text);
    }
    out.push(decode(&resolve(raw)));
    out
}

fn resolve(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for s in path.split('/') {
        match s {
            "" | "." => {}
            ".." => drop(kept.pop()),
            s => kept.push(s),
        }
    }
    format!("/{}", kept.join("/"))
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.filter(|_| bytes[at] == b'%') {
            Some(hex) => {
                out.push(u8::from_str_radix(hex, 16).unwrap());
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
