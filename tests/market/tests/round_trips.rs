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
    took: Duration,
}

impl Round {
    fn net(&self) -> u64 {
        self.requests.saturating_sub(self.idle)
    }
}

fn requests(counts: &Counts) -> u64 {
    counts.http_requests + counts.ws_messages + counts.ws_pushes
}

/// Runs the setting: 100 verifications, then 100 settlements of the same payments.
async fn run(setting: &Setting) -> [Round; 2] {
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE]).block_time_ms(setting.block_time_ms).start().await.unwrap();
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
    Round {
        requests: requests(&busy),
        idle,
        looks: busy.of("eth_feeHistory"),
        calls: calls.join(", "),
        took,
    }
}

async fn serve(bed: &Bed) -> String {
    let facilitator =
        Facilitator::builder("market", Arc::clone(&bed.registry), Arc::clone(&bed.ledger), Arc::new(SystemClock))
            .build()
            .unwrap();
    facilitator.recover().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { facilitator.serve(listener, std::future::pending()).await });
    format!("http://{at}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_per_payment() {
    let settings = [
        Setting {
            title: "HTTP, receipt in the answer",
            block_time_ms: None,
            pushes: false,
            inclusion: Inclusion::Auto,
            at_once: 1,
        },
        Setting {
            title: "HTTP, receipt in the answer, 1 s blocks, all at once",
            block_time_ms: Some(1_000),
            pushes: false,
            inclusion: Inclusion::Auto,
            at_once: PAYMENTS,
        },
        Setting {
            title: "HTTP, polling, 1 s blocks, all at once",
            block_time_ms: Some(1_000),
            pushes: false,
            inclusion: Inclusion::Watch,
            at_once: PAYMENTS,
        },
        Setting {
            title: "WebSocket, subscription, 1 s blocks, all at once",
            block_time_ms: Some(1_000),
            pushes: true,
            inclusion: Inclusion::Watch,
            at_once: PAYMENTS,
        },
    ];
    println!("\n  requests for {PAYMENTS} payments, through the facilitator over HTTP\n");
    for setting in &settings {
        let [verify, settle] = run(setting).await;
        println!("  {}", setting.title);
        for (what, round) in [("verify", &verify), ("settle", &settle)] {
            println!(
                "    {what}: {} requests, idle {}, so {} per 100; of them {} looks at the fee market; {:?}",
                round.requests,
                round.idle,
                round.net(),
                round.looks,
                round.took,
            );
            println!("            {}", round.calls);
        }
    }
}
