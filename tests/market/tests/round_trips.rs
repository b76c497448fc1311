//! How many requests does a payment make on its way through a facilitator?
//!
//! ```text
//! cargo test -p tollway-market-tests --test round_trips -- --nocapture
//! ```
//!
//! A real facilitator serves `/verify` and `/settle` over HTTP, over a real local chain behind a proxy that counts. A
//! request counts once, also when it is a JSON-RPC batch; over a WebSocket each message and each push counts. What an
//! idle window of the same length sees is taken off.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tollway::core::{Order, wire};
use tollway::evm::{FAMILY, Inclusion, SendSettings};
use tollway::http::Facilitator;
use tollway::system::SystemClock;
use tollway_devnet::{Chain, ChainSpec, Counts, Devnet};
use tollway_market_tests::bed::{Bed, Plan};

/// Payments a round.
const PAYMENTS: usize = 100;

/// How the chain and the way to it are.
#[derive(Clone, Copy)]
struct Setting {
    title: &'static str,
    block_time_ms: Option<u64>,
    pushes: bool,
    inclusion: Inclusion,
    /// Payments at a time.
    at_once: usize,
}

/// What 100 calls took.
struct Round {
    requests: u64,
    idle: u64,
    /// Looks at the fee market, each a request of its own. They are renewed in the background while sending goes on.
    looks: u64,
    calls: String,
}

impl Round {
    /// On the payments' path: what idling does not make, and no payment waits for, is off it.
    fn path(&self) -> u64 {
        self.requests.saturating_sub(self.idle).saturating_sub(self.looks)
    }
}

fn requests(counts: &Counts) -> u64 {
    counts.http_requests + counts.ws_messages + counts.ws_pushes
}

/// Runs the setting: 100 verifications, then 100 settlements of the same payments.
async fn run(setting: &Setting) -> [Round; 2] {
    let devnet = Devnet::builder()
        .chains([ChainSpec::BASE])
        .block_time_ms(setting.block_time_ms)
        .start()
        .await
        .unwrap();
    let chain = devnet.chain(8453).unwrap();
    let mut sending = SendSettings::default();
    sending.inclusion = setting.inclusion;
    let url = if setting.pushes { chain.ws_url() } else { chain.http_url() };
    let plan = Plan { url, token: chain.usdc(), version: ChainSpec::USDC_VERSION, sending };
    let bed = Bed::open(&devnet, chain, plan).await.unwrap();
    let base = serve(&bed).await;
    let client = reqwest::Client::new();
    let merchant = devnet.accounts().merchant(0).address();
    let call = async |path: &str, order: &Order, good: &str| {
        let body = wire::write_facilitator_request(order, &[FAMILY]).unwrap();
        let request = client.post(format!("{base}/{path}")).body(body.as_str().to_owned());
        let answer = request.send().await.unwrap().text().await.unwrap();
        let said: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(said[good], true, "{}: {path}: {answer}", setting.title);
    };
    // Steady state: the market is known, the nonce is, and the connections are open.
    for _ in 0..3 {
        call("settle", &bed.order(merchant).await.unwrap(), "success").await;
    }
    let mut orders = Vec::with_capacity(PAYMENTS);
    for _ in 0..PAYMENTS {
        orders.push(bed.order(merchant).await.unwrap());
    }
    let mut rounds = Vec::new();
    for (path, good) in [("verify", "isValid"), ("settle", "success")] {
        // Whatever the round before has left running ends first.
        tokio::time::sleep(Duration::from_millis(500)).await;
        chain.reset_counts();
        let begun = Instant::now();
        for part in orders.chunks(setting.at_once) {
            futures::future::join_all(part.iter().map(|order| call(path, order, good))).await;
        }
        rounds.push(round(chain, begun.elapsed()).await);
    }
    devnet.stop().await;
    rounds.try_into().unwrap_or_else(|_| unreachable!("two rounds"))
}

async fn round(chain: &Chain, took: Duration) -> Round {
    let busy = chain.counts();
    tokio::time::sleep(Duration::from_millis(500)).await;
    chain.reset_counts();
    tokio::time::sleep(took).await;
    let idle = requests(&chain.counts());
    let calls: Vec<String> = busy.calls.iter().map(|(method, n)| format!("{method} {n}")).collect();
    Round { requests: requests(&busy), idle, looks: busy.of("eth_feeHistory"), calls: calls.join(", ") }
}

async fn serve(bed: &Bed) -> String {
    let facilitator = Facilitator::builder(
        "market",
        Arc::clone(&bed.registry),
        Arc::clone(&bed.ledger),
        Arc::new(SystemClock),
    )
    .build()
    .unwrap();
    facilitator.recover().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { facilitator.serve(listener, std::future::pending()).await });
    format!("http://{at}")
}

const AT_ONCE: Setting =
    Setting { title: "", block_time_ms: None, pushes: false, inclusion: Inclusion::Auto, at_once: PAYMENTS };
const SECONDS: Setting = Setting { block_time_ms: Some(1_000), ..AT_ONCE };

/// Runs the settings, prints the table, and says which broke the limits: the most requests for 100 verifications, and
/// for 100 settlements.
async fn table(settings: &[Setting], most: [u64; 2]) -> Vec<String> {
    println!(
        "\n  Requests to the node for {PAYMENTS} payments; \"fees\" are looks at the fee market, renewed behind them.\n"
    );
    println!("  {:<52} {:<7} {:>8} {:>5} {:>5} {:>8}", "", "", "requests", "idle", "fees", "on path");
    let mut wrong = Vec::new();
    for setting in settings {
        let rounds = run(setting).await;
        for ((what, most), round) in ["verify", "settle"].into_iter().zip(most).zip(&rounds) {
            let (title, path) = (setting.title, round.path());
            let Round { requests, idle, looks, .. } = round;
            println!(
                "  {title:<52} {what:<7} {requests:>8} {idle:>5} {looks:>5} {path:>8}   {}",
                round.calls
            );
            if path > most {
                wrong.push(format!("{title}: {what} takes {path} requests for {PAYMENTS}"));
            }
        }
    }
    println!();
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_takes_one_request_and_a_settlement_two() {
    let settings = [
        Setting { title: "one after another", at_once: 1, ..AT_ONCE },
        Setting { title: "all at once", ..AT_ONCE },
        Setting { title: "all at once, blocks of 1 s", ..SECONDS },
    ];
    let wrong = table(&settings, [100, 200]).await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A node that does not give the receipt with its answer has to be asked for it. Polling is shared by all payments under
/// way, so 100 of them take a few requests more; over a WebSocket each receipt and each push is a message of its own. The
/// bounds only tell sharing from asking for each payment again and again; a loaded machine sees more rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_receipt_in_the_answer_it_is_asked_for() {
    let watch = Setting { inclusion: Inclusion::Watch, ..SECONDS };
    let polling = Setting { title: "all at once, blocks of 1 s, polling", ..watch };
    let pushed = Setting { title: "all at once, blocks of 1 s, subscription", pushes: true, ..watch };
    let mut wrong = table(&[polling], [100, 300]).await;
    wrong.extend(table(&[pushed], [110, 600]).await);
    assert!(wrong.is_empty(), "{wrong:?}");
}
