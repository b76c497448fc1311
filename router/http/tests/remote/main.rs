//! Somebody else's facilitator, in every dialect and in every way it can fail.

#[path = "../common/mod.rs"]
mod common;
mod doubts;
mod late;
mod words;

use common::chain::{CHAIN, Chain, ENTRY, PAYER, Script, order};
use common::server::{Act, Seen, scripted};
use common::{Wall, registry};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    Amount, AssetId, Bearer, Blame, ChainId, Code, Fate, Fee, Ledger, Next, Print, Receipt, Result, Role,
    Settler, TxId, flow,
};
use tollway_http::RemoteFacilitator;
use tollway_http::remote::Builder;

fn remote_with(
    base: &str,
    roles: &[Role],
    chain: &Arc<Chain>,
    f: impl FnOnce(Builder) -> Builder,
) -> RemoteFacilitator {
    let builder = RemoteFacilitator::builder(base, registry(chain, roles), Arc::new(Wall));
    let quick = Duration::from_millis(300);
    f(builder.verify_timeout(quick).settle_timeout(quick).answer_bytes(100_000)).build().unwrap()
}

fn remote(base: &str) -> RemoteFacilitator {
    remote_with(base, &[], &Chain::new(), |b| b)
}

async fn settle_through(settler: &dyn Settler) -> Result<Receipt> {
    settle_as("exact", 10_000, settler).await
}

/// Through core's own doors: verified by trust, sealed, settled once.
async fn settle_as(scheme: &str, charge: u128, settler: &dyn Settler) -> Result<Receipt> {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let once = flow::SettleOnce {
        read: ENTRY.read,
        settler,
        ledger: &*ledger,
        clock: &Wall,
        room: "visit/test",
        owner: "t",
        patience_ms: 0,
    };
    let mut order = order("n1");
    // An upfront leg is verified inside /settle, so that these scripts see one call.
    order.leg = tollway_core::Leg::Before;
    order.requirement.scheme = tollway_core::Name::new(scheme).unwrap();
    once.settle(order, charge, &Print("p".into())).await
}

async fn settled(act: Act) -> Result<Receipt> {
    let (base, _) = scripted(vec![act]).await;
    settle_through(&remote(&base)).await
}

async fn verified(act: Act) -> Result<tollway_core::Proof> {
    let (base, _) = scripted(vec![act]).await;
    remote(&base).verify(&order("n1")).await
}

fn say(status: u16, body: &str) -> Act {
    Act::Say(status, "", body.to_owned())
}

fn success(more: &str) -> Act {
    say(200, &format!(r#"{{"success":true,"transaction":"0xaa","network":"{CHAIN}"{more}}}"#))
}

#[tokio::test]
async fn a_receipt_is_read() {
    let receipt = settled(success(&format!(
        r#","payer":"{}","amount":"10000""#,
        PAYER.to_uppercase().replace("0X", "0x")
    )));
    let receipt = receipt.await.unwrap();
    assert_eq!(receipt.transaction(), Some(&TxId("0xaa".into())));
    assert_eq!((receipt.charged.atomic, receipt.payer.unwrap().address()), (10_000, PAYER));
    // Without payer, amount or network, or with a v1 name: as several SDKs answer.
    for bare in [
        r#"{"success":true,"transaction":"0xaa"}"#,
        r#"{"success":true,"transaction":"0xaa","network":"","payer":"","amount":""}"#,
        r#"{"success":true,"transaction":"0xaa","network":"base-sepolia","payer":null,"extra":{}}"#,
    ] {
        assert_eq!(settled(say(200, bare)).await.unwrap().charged.atomic, 10_000, "{bare}");
    }
}

#[tokio::test]
async fn a_receipt_for_something_else_is_doubt_and_not_success() {
    let other = "0x1111111111111111111111111111111111111111";
    let cases = [
        (success(&format!(r#","payer":"{other}""#)), Code::ReceiptMismatch),
        (success(r#","payer":"nobody""#), Code::ReceiptMismatch),
        (success(r#","amount":"1""#), Code::ReceiptMismatch),
        (success(r#","amount":"20000""#), Code::Overcharged),
        (say(200, r#"{"success":true,"transaction":"0xaa","network":"eip155:1"}"#), Code::ReceiptMismatch),
        (say(200, r#"{"success":true,"transaction":"0xaa","network":"moon"}"#), Code::ReceiptMismatch),
        (say(200, r#"{"success":true,"transaction":"a\nb","network":""}"#), Code::ReceiptMismatch),
        (say(200, r#"{"success":true,"transaction":""}"#), Code::InvalidAnswer),
        (say(200, r#"{"success":true}"#), Code::InvalidAnswer),
        (say(500, r#"{"success":true,"transaction":"0xaa"}"#), Code::InvalidAnswer),
        (say(200, "<html>"), Code::InvalidAnswer),
        (say(200, ""), Code::InvalidAnswer),
        (say(200, r#"{"success":"yes"}"#), Code::InvalidAnswer),
        (say(200, &"[".repeat(10_000)), Code::InvalidAnswer),
    ];
    for (n, (act, code)) in cases.into_iter().enumerate() {
        let e = settled(act).await.unwrap_err();
        assert!(e.is_unknown_outcome(), "{n}: {e}");
        assert_eq!((e.code, e.blame), (code, Blame::Settler), "{n}");
    }
}

#[tokio::test]
async fn refusals_of_every_sdk_are_definite() {
    let cases = [
        // x402-rs: 400, snake case, no transaction, empty network and payer.
        (
            400,
            r#"{"success":false,"error_reason":"invalid_signature","network":"","payer":""}"#,
            Code::InvalidSignature,
        ),
        (
            412,
            r#"{"success":false,"errorReason":"permit2_allowance_required","transaction":"","network":"","payer":""}"#,
            Code::AllowanceRequired,
        ),
        // TypeScript, Python, Go: 200.
        (
            200,
            r#"{"success":false,"errorReason":"invalid_exact_evm_insufficient_balance","transaction":"","network":"base","payer":null}"#,
            Code::InsufficientFunds,
        ),
        (
            200,
            r#"{"success":false,"errorReason":"invalid_exact_evm_nonce_already_used","transaction":"","network":""}"#,
            Code::NonceUsed,
        ),
        (
            500,
            r#"{"success":false,"errorReason":"invalid_payment_expired","network":"","payer":""}"#,
            Code::Expired,
        ),
        (
            503,
            r#"{"success":false,"errorReason":"busy","transaction":"","network":""}"#,
            Code::Other("busy".into()),
        ),
    ];
    for (status, body, code) in cases {
        let e = settled(say(status, body)).await.unwrap_err();
        assert_eq!(e.code, code, "{body}");
        assert!(!e.is_unknown_outcome(), "{body}");
    }
    let busy = settled(say(503, r#"{"success":false,"errorReason":"busy"}"#)).await.unwrap_err();
    assert_eq!((busy.blame, busy.next), (Blame::Settler, Next::Later));
    let scheme =
        settled(say(400, r#"{"success":false,"errorReason":"unsupported_scheme"}"#)).await.unwrap_err();
    assert_eq!((scheme.blame, scheme.next), (Blame::Settler, Next::OtherRoute));
    for status in [301, 308, 400, 401, 403, 404, 405, 413, 415, 422, 429] {
        let e = settled(say(status, "no")).await.unwrap_err();
        assert!(!e.is_unknown_outcome(), "{status}: {e}");
    }
}

#[tokio::test]
async fn failures_that_may_hide_a_transaction_are_doubt() {
    let tx = |s: &str| Some(TxId(s.into()));
    let cases = [
        (
            200,
            r#"{"success":false,"errorReason":"settlement_pending","transaction":"0xaa","network":""}"#,
            tx("0xaa"),
        ),
        (200, r#"{"success":false,"errorReason":"settlement_pending","transaction":""}"#, None),
        (200, r#"{"success":false,"errorReason":"insufficient_funds","transaction":"0xaa"}"#, tx("0xaa")),
        (200, r#"{"success":false,"errorReason":"duplicate_settlement"}"#, None),
        (200, r#"{"success":false,"errorReason":"payment_in_flight"}"#, None),
        (200, r#"{"success":false,"errorReason":"post_settlement_transfer_not_confirmed"}"#, None),
        (500, r#"{"success":false,"errorReason":"unexpected_error","network":"","payer":""}"#, None),
        (200, r#"{"success":false}"#, None),
        (500, "Internal Server Error", None),
        (500, r#"{"error":"nonce too low"}"#, None),
        (502, "", None),
        (504, "<html>", None),
    ];
    for (status, body, tx) in cases {
        let e = settled(say(status, body)).await.unwrap_err();
        assert_eq!((e.blame, e.next), (Blame::Settler, Next::Unknown(tx)), "{status} {body}");
    }
}

#[tokio::test]
async fn what_was_not_sent_is_definite_and_what_was_is_doubt() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let e = settle_through(&remote(&closed)).await.unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::Unreachable, Blame::Settler, Next::Later));
    for (act, code) in
        [(Act::HangUp, Code::Unreachable), (Act::Stall(5_000), Code::TimedOut), (Act::Flood, Code::TooLarge)]
    {
        let e = settled(act.clone()).await.unwrap_err();
        assert_eq!((e.code, e.next), (code.clone(), Next::Unknown(None)));
        let e = verified(act).await.unwrap_err();
        assert_eq!((e.code, e.next), (code, Next::Later));
    }
}

#[tokio::test]
async fn verdicts_of_every_sdk_are_read() {
    for good in [
        format!(r#"{{"isValid":true,"payer":"{PAYER}"}}"#),
        r#"{"isValid":true}"#.into(),
        r#"{"isValid":true,"payer":"","invalidReason":null,"extra":null,"extensions":{}}"#.into(),
    ] {
        assert!(verified(say(200, &good)).await.unwrap().by_trust, "{good}");
    }
    let extra = verified(say(200, r#"{"isValid":true,"extra":{"a":1}}"#)).await.unwrap().extra;
    assert_eq!(extra.0.as_str(), r#"{"a":1}"#);
    // x402-rs: 400 with its own word for the message.
    let rs = r#"{"isValid":false,"invalidReason":"invalid_signature","invalidReasonDetails":"recovered 0x1","payer":""}"#;
    let e = verified(say(400, rs)).await.unwrap_err();
    assert_eq!((e.code, e.blame, &*e.detail), (Code::InvalidSignature, Blame::Payer, "recovered 0x1"));
    let e = verified(say(412, r#"{"isValid":false,"invalidReason":"permit2_allowance_required"}"#))
        .await
        .unwrap_err();
    assert_eq!(e.next, Next::Prepare);
    let e = verified(say(200, r#"{"isValid":false}"#)).await.unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::UnexpectedVerifyError, Blame::Settler, Next::Later));
}

#[tokio::test]
async fn what_is_no_verdict_lets_nobody_in() {
    let other = r#"{"isValid":true,"payer":"0x1111111111111111111111111111111111111111"}"#;
    let cases = [
        (200, other, Code::InvalidAnswer),
        (200, "", Code::InvalidAnswer),
        (200, r#"{"success":true}"#, Code::InvalidAnswer),
        (500, r#"{"isValid":true}"#, Code::Unreachable),
        (404, "no", Code::InvalidAnswer),
        (401, "no", Code::BadSettings),
        (308, "", Code::BadSettings),
        (500, "", Code::Unreachable),
    ];
    for (status, body, code) in cases {
        let e = verified(say(status, body)).await.unwrap_err();
        assert_eq!(e.code, code, "{status} {body}");
        assert_ne!(e.blame, Blame::Payer, "{status} {body}");
    }
}

#[tokio::test]
async fn legs_that_settle_verifies_are_not_verified_twice() {
    let (base, seen) = scripted(vec![say(500, "")]).await;
    let mut order = order("n1");
    order.leg = tollway_core::Leg::Before;
    assert!(remote(&base).verify(&order).await.unwrap().by_trust);
    assert!(seen.lock().unwrap().is_empty());
}

fn has_secret(seen: &Seen) -> bool {
    seen.lock().unwrap().iter().any(|r| r.contains("hunter2"))
}

#[tokio::test]
async fn secrets_and_payments_stay_within_the_origin() {
    let (elsewhere, seen) = scripted(vec![success("")]).await;
    let headers: &'static str = Box::leak(format!("location: {elsewhere}/settle\r\n").into_boxed_str());
    let (base, first) = scripted(vec![Act::Say(307, headers, String::new())]).await;
    let remote = remote_with(&base, &[], &Chain::new(), |b| {
        b.header("authorization", "Bearer hunter2").sign_with(|endpoint| {
            let mut made = http::HeaderMap::new();
            made.insert("x-for", http::HeaderValue::from_static(endpoint.path()));
            Ok(made)
        })
    });
    let e = settle_through(&remote).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::BadSettings, Next::OtherRoute));
    assert!(seen.lock().unwrap().is_empty(), "nothing went elsewhere");
    assert!(has_secret(&first) && first.lock().unwrap()[0].contains("x-for: settle"));
    assert!(!format!("{remote:?}").contains("hunter2"));
}

#[tokio::test]
async fn redirects_within_the_origin_are_followed() {
    let moved = Act::Say(308, "location: /v2/settle\r\n", String::new());
    let (base, seen) = scripted(vec![moved, success("")]).await;
    assert!(settle_through(&remote(&base)).await.is_ok());
    let seen = seen.lock().unwrap();
    assert!(seen[1].starts_with("POST /v2/settle "));
    assert_eq!(seen[0].split_once("\r\n\r\n").unwrap().1, seen[1].split_once("\r\n\r\n").unwrap().1);
}

#[tokio::test]
async fn every_kind_has_the_extensions_of_the_whole_answer() {
    let long = "x".repeat(65);
    let many = (0..50).map(|n| format!("\"e{n}\"")).collect::<Vec<_>>().join(",");
    for (listed, right) in [
        (r#"["a","b"]"#.to_owned(), vec!["a".to_owned(), "b".to_owned()]),
        (format!(r#"["a",7,null,{{}},"{long}","b"]"#), vec!["a".to_owned(), "b".to_owned()]),
        (format!("[{many}]"), (0..32).map(|n| format!("e{n}")).collect()),
        ("null".to_owned(), vec![]),
        (r#""a""#.to_owned(), vec![]),
    ] {
        let kinds = format!(
            r#"{{"kinds":[{{"x402Version":2,"scheme":"exact","network":"{CHAIN}"}}],"extensions":{listed}}}"#
        );
        let (base, _) = scripted(vec![say(200, &kinds)]).await;
        let kinds = remote(&base).kinds().await.unwrap();
        assert_eq!(kinds[0].extensions, right, "{listed}");
    }
}

#[tokio::test]
async fn kinds_are_asked_once_and_patiently() {
    let kinds = format!(
        r#"{{"kinds":[{{"x402Version":2,"scheme":"exact","network":"{CHAIN}","extra":null}},{{"x402Version":1,"scheme":"exact","network":"base-sepolia"}},{{"x402Version":"9"}},{{"x402Version":2,"scheme":"exact","network":"moon"}}]}}"#
    );
    let (base, seen) =
        scripted(vec![Act::Say(429, "retry-after: 0\r\n", String::new()), say(200, &kinds)]).await;
    let remote = remote(&base);
    for _ in 0..3 {
        assert_eq!(remote.kinds().await.unwrap().len(), 2);
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert!(remote.kinds().await.unwrap()[0].extensions.is_empty(), "it lists none");
    let (base, seen) =
        scripted(vec![Act::Say(429, "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n", String::new())]).await;
    let e = self::remote(&base).kinds().await.unwrap_err();
    assert_eq!((e.code, e.next, seen.lock().unwrap().len()), (Code::Unreachable, Next::Later, 3));
    let (base, seen) = scripted(vec![say(500, "")]).await;
    assert!(self::remote(&base).kinds().await.is_err());
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_fee_is_part_of_the_effort() {
    let fee = Fee {
        bearer: Bearer::Payee,
        amount: Amount::new(AssetId::native(ChainId::new(CHAIN).unwrap()), 7),
        label: "facilitator",
    };
    let remote = remote_with("https://f.example", &[], &Chain::new(), |b| b.fee(fee.clone()));
    let effort = remote.effort(&order("n1")).await.unwrap();
    assert_eq!((effort.fees, effort.works.len()), (vec![fee], 0));
    assert_eq!(remote.id().0, "https://f.example");
}

/// A gas budget counts what a receipt says that it cost; with nothing said, as much as was held.
#[tokio::test]
async fn what_somebody_else_settled_cost_its_fee_and_none_of_our_gas() {
    let chain = ChainId::new(CHAIN).unwrap();
    let (coin, token) = (AssetId::native(chain), order("n1").requirement.price.asset());
    for (asset, cost) in [(Some(coin), 7), (Some(token), 0), (None, 0)] {
        let (base, _) = scripted(vec![success("")]).await;
        let settler = remote_with(&base, &[], &Chain::new(), |b| match asset {
            Some(asset) => {
                b.fee(Fee { bearer: Bearer::Settler, amount: Amount::new(asset, 7), label: "facilitator" })
            }
            None => b,
        });
        let spent = |receipt: &Receipt| receipt.spent.as_ref().map(|spent| spent.cost);
        let receipt = settle_through(&settler).await.unwrap();
        assert_eq!(spent(&receipt), Some(Amount::new(coin, cost)));
        let Fate::Settled(receipt) = settler.resume(&order("n1"), None).await.unwrap() else {
            panic!("not settled")
        };
        assert_eq!(spent(&receipt), Some(Amount::new(coin, cost)));
    }
}

#[tokio::test]
async fn settings_that_leak_are_refused() {
    let build = |base: &str| {
        RemoteFacilitator::builder(base, registry(&Chain::new(), &[]), Arc::new(Wall))
            .build()
            .unwrap_err()
            .code
    };
    assert_eq!(build("http://facilitator.example"), Code::InsecureTransport);
    assert_eq!(build("https://key@facilitator.example"), Code::BadSettings);
    let builder =
        RemoteFacilitator::builder("https://f.example", registry(&Chain::new(), &[]), Arc::new(Wall));
    let builder = builder.header("authorization", "hunter2\r\n");
    assert!(!format!("{builder:?}").contains("hunter2"));
    let e = builder.build().unwrap_err();
    assert_eq!(e.code, Code::BadSettings);
    assert!(!e.to_string().contains("hunter2"));
}

#[tokio::test]
async fn who_signed_is_not_left_to_its_word_unless_it_is_told_so() {
    let good = || say(200, r#"{"isValid":true}"#);
    for leg in [tollway_core::Leg::After, tollway_core::Leg::Before] {
        let of = |nonce| tollway_core::Order { leg, ..order(nonce) };
        let (base, seen) = scripted(vec![good(), good()]).await;
        assert!(remote(&base).verify(&of("n1")).await.unwrap().by_trust, "it proves itself");
        let asked = seen.lock().unwrap().len();
        let e = remote(&base).verify(&of("asked")).await.unwrap_err();
        assert_eq!((e.code, e.blame), (Code::InvalidSignature, Blame::Payer));
        assert_eq!(seen.lock().unwrap().len(), asked, "nobody was asked");
        let trusting = remote_with(&base, &[], &Chain::new(), Builder::trust_signatures);
        assert!(trusting.verify(&of("asked")).await.unwrap().by_trust);
        // Whoever sees the chain for us looks.
        let chain = Chain::new();
        let (base, _) = scripted(vec![good(), good()]).await;
        let seeing = remote_with(&base, &[Role::Settler], &chain, |b| b);
        assert!(seeing.verify(&of("asked")).await.unwrap().by_trust);
        assert_eq!(chain.verifies(), 1);
        assert_eq!(seeing.verify(&of("asked-no-node")).await.unwrap_err().code, Code::Unreachable);
        seeing.verify(&of("n1")).await.unwrap();
        assert_eq!(chain.verifies(), 2, "what proves itself is not looked at");
    }
}
