//! The scripted facilitator says what it is told, to a plain TCP client and to a real HTTP client.

use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollway_core::wire::{SettleResponse, SupportedResponse, VerifyResponse};
use tollway_core::{Code, Json};
use tollway_testkit::facilitator::{FakeFacilitator, Reply, Script};

/// All that comes back for one request, until the connection ends.
async fn ask(fake: &FakeFacilitator, request: &str) -> String {
    let mut stream = TcpStream::connect(fake.url().strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: fake\r\nX-Key: one \r\nContent-Length: {length}\r\n\r\n{body}")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn answers_come_in_their_order_and_the_last_again() {
    let fake = Script::new().verify([Reply::status(503), Reply::invalid(Code::Expired), Reply::valid()]);
    let fake = fake.start().await.unwrap();
    assert!(ask(&fake, &post("/verify", "1")).await.starts_with("HTTP/1.1 503 "));
    let mut verdicts = Vec::new();
    for n in 2..5 {
        let answer = ask(&fake, &post("/verify", &n.to_string())).await;
        verdicts.push(Json::parse(body(&answer)).unwrap().read::<VerifyResponse>().unwrap());
    }
    assert_eq!(verdicts[0].invalid_reason, Some(Code::Expired));
    assert!(!verdicts[0].is_valid && verdicts[1].is_valid && verdicts[2].is_valid);
    let bodies: Vec<_> = fake.heard().iter().map(|h| h.body.clone()).collect();
    assert_eq!(bodies, [b"1", b"2", b"3", b"4"]);
}

#[tokio::test]
async fn what_was_asked_is_kept() {
    let fake = Script::new().settle([Reply::settled("0xab", "sim:1")]).start().await.unwrap();
    ask(&fake, &post("/settle?x=1", r#"{"a":1}"#)).await;
    ask(&fake, "GET /nowhere HTTP/1.1\r\n\r\n").await;
    let [settle] = &*fake.heard_at("/settle") else { panic!("one") };
    assert_eq!((settle.method.as_str(), settle.path.as_str()), ("POST", "/settle?x=1"));
    assert_eq!((settle.header("x-key"), settle.header("none")), (Some("one"), None));
    assert_eq!(settle.json().unwrap(), json!({"a": 1}));
    assert_eq!(fake.heard().len(), 2);
    assert!(!format!("{settle:?} {fake:?}").contains("one"), "no header is shown");
}

#[tokio::test]
async fn unknown_paths_are_not_found_and_scripts_can_change() {
    let fake = Script::new().start().await.unwrap();
    assert!(ask(&fake, &post("/verify", "")).await.starts_with("HTTP/1.1 404 "));
    fake.instead("/verify", [Reply::valid().under(402)]);
    let answer = ask(&fake, &post("/verify", "")).await;
    assert!(answer.starts_with("HTTP/1.1 402 ") && body(&answer).contains("true"));
}

#[tokio::test]
async fn connections_are_cut_where_the_script_says() {
    let whole = Reply::settled("0xab", "sim:1");
    let fake = Script::new()
        .settle([
            Reply::cut(),
            whole.clone().cut_after(30),
            whole.clone().cut_after(1 << 20),
            whole.cut_after(0),
        ])
        .start()
        .await
        .unwrap();
    assert_eq!(ask(&fake, &post("/settle", "")).await, "");
    assert_eq!(ask(&fake, &post("/settle", "")).await.len(), 30);
    let answer = ask(&fake, &post("/settle", "")).await;
    let settled = Json::parse(body(&answer)).unwrap().read::<SettleResponse>().unwrap();
    assert!(settled.success && settled.transaction == "0xab");
    assert_eq!(ask(&fake, &post("/settle", "")).await, "");
}

#[tokio::test]
async fn garbage_is_sent_as_it_is_and_huge_bodies_whole() {
    let fake = Script::new().settle([Reply::garbage("SSH-2.0-hello\r\n"), Reply::huge(3_000_000)]);
    let fake = fake.start().await.unwrap();
    assert_eq!(ask(&fake, &post("/settle", "")).await, "SSH-2.0-hello\r\n");
    let answer = ask(&fake, &post("/settle", "")).await;
    assert_eq!(body(&answer).len(), 3_000_002);
}

#[tokio::test]
async fn a_held_connection_answers_nothing_and_a_dropped_facilitator_ends_it() {
    let fake = Script::new().verify([Reply::never()]).settle([Reply::valid().after_ms(20)]);
    let fake = fake.start().await.unwrap();
    assert!(ask(&fake, &post("/settle", "")).await.contains("true"), "late, and whole");
    let mut stream = TcpStream::connect(fake.url().strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(post("/verify", "").as_bytes()).await.unwrap();
    while fake.heard_at("/verify").is_empty() {
        tokio::task::yield_now().await;
    }
    let silent = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut [0; 8])).await;
    assert!(silent.is_err(), "still open, nothing said");
    drop(fake);
    let ended = stream.read(&mut [0; 8]).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn a_client_that_misbehaves_harms_nobody() {
    let fake = Script::new().verify([Reply::valid()]).start().await.unwrap();
    for bad in [
        "",
        "\r\n\r\n",
        "nonsense\r\n\r\n",
        "POST /verify HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /verify HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
        "POST /verify HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(fake.url().strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(bad.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{bad}");
    }
    assert!(fake.heard().is_empty());
    assert!(ask(&fake, &post("/verify", "")).await.contains("true"));
}

#[tokio::test]
async fn a_real_client_understands_it() {
    let kinds = Reply::kinds(&[(2, "exact", "sim:1"), (1, "exact", "sim")]);
    let fake =
        Script::new().supported([kinds]).settle([Reply::pending("0xcd"), Reply::failed(Code::NonceUsed)]);
    let fake = fake.start().await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("{}{path}", fake.url());
    let supported: SupportedResponse =
        client.get(url("/supported")).send().await.unwrap().json().await.unwrap();
    assert_eq!(supported.kinds.len(), 2);
    for (code, tx) in [(Code::SettlementPending, "0xcd"), (Code::NonceUsed, "")] {
        let answer = client.post(url("/settle")).json(&json!({"x": code.as_str()})).send().await.unwrap();
        let settled: SettleResponse = answer.json().await.unwrap();
        assert_eq!((settled.error_reason, settled.transaction.as_str()), (Some(code), tx));
    }
    assert_eq!(fake.heard_at("/settle")[0].json().unwrap(), json!({"x": "settlement_pending"}));
}
