//! What happens beside the straight way: crowds, hang-ups, restarts, moving prices, a failing ledger.

mod server_common;

use axum::Router;
use http::{Method, StatusCode};
use server_common::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_http::server::{Paywall, Priced};

fn paywall(world: &World) -> Paywall {
    world.builder().route(Method::GET, "/a", Priced::fixed(cents(1), rails())).build().unwrap()
}

fn shop(world: &World, runs: &Arc<Counter>) -> Router {
    Router::new().route("/a", counting(runs, "goods")).layer(paywall(world))
}

/// What a process does that dies then: none of its tasks goes on.
fn in_a_life_that_ends<T: Send + 'static>(life: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(life)).join().unwrap()
}

/// Waits for something that another task is about to do.
async fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_with_one_header_is_served_once() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    world.knobs.settle_ms.store(100, Ordering::SeqCst);
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let crowd = (0..32).map(|_| {
        let (app, good) = (app.clone(), good.clone());
        tokio::spawn(async move { get("/a").pays(&good).to(&app).await })
    });
    let mut served = 0;
    for reply in futures::future::join_all(crowd).await {
        let reply = reply.unwrap();
        match reply.status {
            StatusCode::OK => {
                served += 1;
                assert_eq!(reply.text(), "goods");
                assert!(reply.receipt().unwrap().1.success);
            }
            StatusCode::CONFLICT => assert!(reply.header("retry-after").is_some()),
            other => panic!("{other}: {}", reply.text()),
        }
    }
    assert!(served > 0);
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (1, 1));
    assert_eq!(get("/a").pays(&good).to(&app).await.text(), "goods");
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_stops_nothing() {
    let world = World::new();
    world.knobs.settle_ms.store(200, Ordering::SeqCst);
    let (started, runs) = (Arc::new(AtomicBool::new(false)), Arc::<Counter>::default());
    let paywall = paywall(&world);
    let (flag, count) = (started.clone(), runs.clone());
    let slow = move || async move {
        flag.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
        count.fetch_add(1, Ordering::SeqCst);
        "slow goods"
    };
    let app = Router::new().route("/a", axum::routing::get(slow)).layer(paywall.clone());
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, app.clone()).into_future());
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /a HTTP/1.1\r\nHost: shop.test\r\nPayment-Signature: {good}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    until(|| started.load(Ordering::SeqCst)).await;
    drop(socket);
    assert_eq!(paywall.drain(Duration::from_millis(20)).await, 1, "still under way");
    assert_eq!(paywall.drain(Duration::from_secs(5)).await, 0);
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (1, 1));
    // What was paid for is still there to be fetched, over the wire this time.
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("slow goods"), "{text}");
    assert!(text.to_ascii_lowercase().contains("payment-response: "));
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (1, 1));
    server.abort();
}

#[tokio::test]
async fn a_restart_answers_what_was_paid_for() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let first = get("/a").pays(&good).to(&app).await;
    let again = get("/a").pays(&good).to(&shop(&world, &runs)).await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, "goods"));
    assert_eq!(again.receipt(), first.receipt());
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("cache-control"), Some("private"));
    // Without a kept answer the receipt alone comes back: none is configured, it is too large, or it has expired.
    let fixed = || Priced::fixed(cents(1), rails());
    let bare = [
        Paywall::builder(world.gate()).route(Method::GET, "/a", fixed()).build().unwrap(),
        world.builder().answer_bytes_max(0).route(Method::GET, "/a", fixed()).build().unwrap(),
    ];
    for paywall in bare {
        let app = Router::new().route("/a", counting(&runs, "goods")).layer(paywall);
        let again = get("/a").pays(&good).to(&app).await;
        let body: serde_json::Value = serde_json::from_slice(&again.body).unwrap();
        assert_eq!(body, serde_json::json!({"paid": true, "replayed": true, "transaction": "0xfeed"}));
        assert!(again.receipt().unwrap().1.success);
    }
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (1, 1));
    let small = world.builder().answer_bytes_max(4).route(Method::GET, "/a", fixed()).build().unwrap();
    let app = Router::new().route("/a", counting(&runs, "goods")).layer(small);
    let other = pay(&get("/a").to(&app).await, 0, "n2");
    assert_eq!(get("/a").pays(&other).to(&app).await.text(), "goods");
    assert!(get("/a").pays(&other).to(&app).await.text().contains("replayed"));
}

#[tokio::test]
async fn kept_answers_expire() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    get("/a").pays(&good).to(&app).await;
    let kept = |ledger: Arc<dyn Ledger>| async move { ledger.scan("answer/", None, 10).await.unwrap().len() };
    assert_eq!(kept(world.ledger.clone()).await, 1);
    world.clock.forward(700_000);
    let other = get("/a").to(&app).await;
    assert_eq!(other.status, StatusCode::PAYMENT_REQUIRED);
    let late = get("/a").pays(&good).to(&app).await;
    assert!(late.text().contains("replayed"), "the receipt, not the answer: {}", late.text());
    for _ in 0..100 {
        if kept(world.ledger.clone()).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was not swept");
}

#[tokio::test]
async fn an_offer_stands_while_the_price_moves() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let at = |cost| {
        let paywall =
            world.builder().route(Method::GET, "/a", Priced::fixed(cents(cost), rails())).build().unwrap();
        Router::new().route("/a", counting(&runs, "goods")).layer(paywall)
    };
    let cheap = get("/a").to(&at(1)).await;
    let app = at(3);
    assert_eq!(get("/a").pays(&pay(&cheap, 0, "n1")).to(&app).await.status, StatusCode::OK);
    assert_eq!(get("/a").with("x-payment", &pay_v1(10_000, "n2")).to(&app).await.status, StatusCode::OK);
    // Twice the honour time of 120 + 60 s.
    world.clock.forward(400_000);
    let late = get("/a").pays(&pay(&cheap, 0, "n3")).to(&at(3)).await;
    assert_eq!(late.error(), Some(Code::NoMatchingOffer));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn recovery_settles_what_was_pending_and_leaves_the_living_alone() {
    let world = World { patience_ms: 50, ..World::new() };
    let runs = Arc::<Counter>::default();
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    *world.knobs.settle.lock().unwrap() = Some(Error::unknown(Code::TimedOut, None));
    let paid = good.clone();
    let lost = in_a_life_that_ends(async move { get("/a").pays(&paid).to(&app).await });
    assert_eq!(lost.status, StatusCode::PAYMENT_REQUIRED);
    *world.knobs.settle.lock().unwrap() = None;
    let receipt = Receipt {
        landed: Landed::OnChain { transaction: TxId("0xlate".to_owned()) },
        charged: Amount::new(rail(1, Flow::Authorization).asset, 10_000),
        payer: None,
        chain: chain(1),
        spent: None,
        extra: Extra::default(),
    };
    *world.knobs.resume.lock().unwrap() = Some(Fate::Settled(Box::new(receipt)));
    // A handler of the new process is at work while it recovers.
    let (started, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (flag, wait) = (started.clone(), gone.clone());
    let busy = move || async move {
        flag.store(true, Ordering::SeqCst);
        until(|| wait.load(Ordering::SeqCst)).await;
        "busy goods"
    };
    let paywall = paywall(&world);
    let fresh = Router::new().route("/a", axum::routing::get(busy)).layer(paywall.clone());
    let other = pay(&get("/a").to(&fresh).await, 0, "n2");
    let (at, paid) = (fresh.clone(), other.clone());
    let living = tokio::spawn(async move { get("/a").pays(&paid).to(&at).await });
    until(|| started.load(Ordering::SeqCst)).await;
    // Its first round leaves the living visit alone, and comes back until that is over: it may end in doubt.
    let recovering = paywall.recover();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let beside = get("/a").pays(&other).to(&fresh).await;
    assert_eq!(beside.status, StatusCode::CONFLICT, "the living visit's claim was not released");
    gone.store(true, Ordering::SeqCst);
    assert_eq!(living.await.unwrap().text(), "busy goods");
    recovering.await.unwrap();
    // The pending one was settled, and what its handler had made is there for its buyer.
    let again = get("/a").pays(&good).to(&fresh).await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, "goods"));
    assert_eq!(again.receipt().unwrap().1.transaction, "0xlate");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// There is a visit under way at every moment, and none of them is what recovery waits for.
#[tokio::test]
async fn recovery_ends_under_traffic_that_does_not() {
    let world = World { patience_ms: 50, ..World::new() };
    let runs = Arc::<Counter>::default();
    let app = shop(&world, &runs);
    let first = get("/a").to(&app).await;
    *world.knobs.settle.lock().unwrap() = Some(Error::unknown(Code::TimedOut, None));
    let paid = pay(&first, 0, "n");
    let lost = in_a_life_that_ends(async move { get("/a").pays(&paid).to(&app).await });
    assert_eq!(lost.status, StatusCode::PAYMENT_REQUIRED);
    *world.knobs.settle.lock().unwrap() = None;
    let (started, released) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (starts, may_end) = (started.clone(), released.clone());
    let busy = move || async move {
        let me = starts.fetch_add(1, Ordering::SeqCst) + 1;
        until(|| may_end.load(Ordering::SeqCst) >= me).await;
        "busy goods"
    };
    let paywall = paywall(&world);
    let fresh = Router::new().route("/a", axum::routing::get(busy)).layer(paywall.clone());
    let (ended, mut living, mut n) = (Arc::new(AtomicBool::new(false)), Vec::new(), 0);
    while !ended.load(Ordering::SeqCst) {
        n += 1;
        let (at, paid) = (fresh.clone(), pay(&first, 0, &format!("n{n}")));
        living.push(tokio::spawn(async move { get("/a").pays(&paid).to(&at).await }));
        until(|| started.load(Ordering::SeqCst) == n).await;
        if n == 2 {
            let (recovering, ended) = (paywall.recover(), ended.clone());
            tokio::spawn(async move {
                recovering.await.unwrap();
                ended.store(true, Ordering::SeqCst);
            });
        }
        // The one before it ends only now.
        released.store(n - 1, Ordering::SeqCst);
        if n == 4 {
            *world.knobs.resume.lock().unwrap() = Some(Fate::Dead);
        }
        assert!(n < 10_000, "recovery waits for what began after it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    released.store(usize::MAX, Ordering::SeqCst);
    for visit in living {
        assert_eq!(visit.await.unwrap().text(), "busy goods");
    }
}

/// A ledger that fails when it is told to.
struct Failing(MemoryLedger, Arc<AtomicBool>);

impl Failing {
    fn check(&self) -> Result<()> {
        if self.1.load(Ordering::SeqCst) {
            Err(Error::us(Code::LedgerFailed).detail("disk full"))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Ledger for Failing {
    async fn reserve(&self, h: &HoldId, l: &[BudgetLine], u: Time, n: Time) -> Result<()> {
        self.0.reserve(h, l, u, n).await
    }
    async fn used(&self, l: &[BudgetLine]) -> Result<Vec<u128>> {
        self.0.used(l).await
    }
    async fn close(&self, h: &HoldId, s: Spend, n: Time) -> Result<()> {
        self.0.close(h, s, n).await
    }
    async fn seen(&self, k: &[ReplayKey], p: &Print) -> Result<Option<Claim>> {
        self.check()?;
        self.0.seen(k, p).await
    }
    async fn claim(&self, k: &[ReplayKey], p: &Print, u: Time, n: Time) -> Result<Claim> {
        self.check()?;
        self.0.claim(k, p, u, n).await
    }
    async fn conclude(&self, k: &[ReplayKey], p: &Print, r: Option<&Receipt>) -> Result<()> {
        self.check()?;
        self.0.conclude(k, p, r).await
    }
    async fn load(&self, k: &RecordKey) -> Result<Option<Record>> {
        self.check()?;
        self.0.load(k).await
    }
    async fn store(&self, w: &[Write]) -> Result<()> {
        self.check()?;
        self.0.store(w).await
    }
    async fn scan(&self, p: &str, a: Option<&RecordKey>, l: usize) -> Result<Vec<Record>> {
        self.check()?;
        self.0.scan(p, a, l).await
    }
}

#[tokio::test]
async fn a_failing_ledger_sells_nothing() {
    let failing = Arc::new(AtomicBool::new(false));
    let world = World { ledger: Arc::new(Failing(MemoryLedger::new(), failing.clone())), ..World::new() };
    let runs = Arc::<Counter>::default();
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    failing.store(true, Ordering::SeqCst);
    let reply = get("/a").pays(&good).to(&app).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(reply.receipt().is_none() && !reply.text().contains("disk full"));
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (0, 0));
    failing.store(false, Ordering::SeqCst);
    // It fails while the money moves: nobody can say whether it did, so nobody is told to sign again.
    let flag = failing.clone();
    let breaks = move || async move { flag.store(true, Ordering::SeqCst) };
    let app = Router::new().route("/a", axum::routing::get(breaks)).layer(paywall(&world));
    let reply = get("/a").pays(&good).to(&app).await;
    assert_eq!(reply.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(reply.receipt().unwrap().1.error_reason, Some(Code::SettlementPending));
    assert!(reply.challenge().is_none());
}

#[tokio::test]
async fn names_keep_shops_apart() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let shop = |name: &str, cost| {
        let builder = world.builder().name(name).origin("https://api.test").mounted_at("/v1/");
        let paywall = builder.route(Method::GET, "/a", Priced::fixed(cents(cost), rails())).build().unwrap();
        Router::new().route("/a", counting(&runs, "goods")).layer(paywall)
    };
    let asked = get("/a").to(&shop("cheap", 1)).await;
    assert_eq!(asked.challenge().unwrap().resource.unwrap().value()["url"], "https://api.test/v1/a");
    let cheap = pay(&asked, 0, "n");
    assert_eq!(get("/a").pays(&cheap).to(&shop("dear", 9)).await.error(), Some(Code::NoMatchingOffer));
    // With an origin the Host header is not believed.
    let paid = get("/a").with("host", "other.test").pays(&cheap).to(&shop("cheap", 1)).await;
    assert_eq!(paid.status, StatusCode::OK);
}
