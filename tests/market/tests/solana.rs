//! On Solana: is the predicted cost of a settlement what the fee payer's account then loses, and how many requests does
//! a payment make?
//!
//! ```text
//! cargo test -p tollway-market-tests --test solana -- --nocapture
//! ```
//!
//! Before each settlement the priority fee follows the recorded walk. The payer has not signed yet when the cost is
//! predicted; afterwards the balance of the fee payer says what was paid.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollway::core::{Order, Part, Purpose, Tariff, Work, wire};
use tollway::http::Facilitator;
use tollway::solana::FAMILY;
use tollway::system::SystemClock;
use tollway_devnet::{Counts, Devnet, SolanaChain, SolanaToken};
use tollway_market_tests::bed::Bed;
use tollway_market_tests::{percent, walk};

/// Settlements whose cost is predicted.
const COUNTED: usize = 50;
/// Where the walk of the priority fee begins, in millionths of a lamport: a busy hour.
const FIRST: u64 = 1_000_000;
/// The limit, in hundredths of a percent.
const MEDIAN_MAX: u128 = 100;
/// A slot, and time to look at its fees.
const SLOT: Duration = Duration::from_millis(600);
/// Payments of a round.
const PAYMENTS: usize = 100;
/// Requests for payments that a busy machine is late with.
const LATE: u64 = 6;

async fn devnet() -> Devnet {
    Devnet::builder().chains([]).solana().keep_fresh(false).start().await.unwrap()
}

fn cost(tariff: &dyn Tariff, works: &[Work]) -> u128 {
    works.iter().map(|work| tariff.price(work).unwrap().total()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_costs_what_was_predicted() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let bed = Bed::on_solana(chain, serde_json::Value::Null).await.unwrap();
    let merchant = chain.accounts().merchant(0).address();
    let (mut off, mut late) = (Vec::new(), Vec::new());
    let mut last = None;
    for level in walk::stretch(0, COUNTED, FIRST) {
        chain.set_priority_fee(level);
        tokio::time::sleep(SLOT).await;
        let works = bed.plan(merchant).await.unwrap().effort.works;
        let touched: Vec<_> = works.iter().flat_map(|work| work.touches.clone()).collect();
        let tariff = bed.network.tariff(Purpose::Interactive, &touched).await.unwrap();
        let predicted = cost(&*tariff, &works);
        let paid = settle(chain, &bed, merchant).await;
        off.push(percent::off(predicted, paid));
        late.extend(last.map(|last| percent::off(last, paid)));
        last = Some(predicted);
    }
    off.sort_unstable();
    late.sort_unstable();
    let [median, p95, max] = [50, 95, 100].map(|rank| percent::rank(&off, rank));
    let stale = percent::rank(&late, 50);
    let [m, p, x, s] = [median, p95, max, stale].map(percent::show);
    println!("\n  {COUNTED} settlements on Solana: median {m}, p95 {p}, max {x}; a settlement late {s}\n");
    devnet.stop().await;
    assert!(stale > MEDIAN_MAX, "the walk is too smooth to test anything: {s}");
    assert!(median <= MEDIAN_MAX, "median {m}");
}

/// Signs, verifies and settles one payment; returns what it took from the fee payer.
async fn settle(chain: &SolanaChain, bed: &Bed, merchant: &str) -> u128 {
    let order = bed.order(merchant).await.unwrap();
    let due = bed.verify(&order).await.unwrap();
    let fee_payer = chain.accounts().settler(0).address();
    let before = chain.lamports(fee_payer).await.unwrap();
    bed.settler().settle(due).await.unwrap();
    (before - chain.lamports(fee_payer).await.unwrap()).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payees_account_costs_what_was_predicted_to_the_lamport() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let bed = Bed::on_solana(chain, serde_json::json!({ "open_accounts": true })).await.unwrap();
    let (payer, merchant) = (chain.accounts().payer(0).address(), chain.accounts().merchant(1).address());
    assert_eq!(chain.usdc_balance(merchant).await.unwrap(), None);
    let plan = bed.plan(merchant).await.unwrap();
    let [action] = &plan.actions[..] else { panic!("one action: {:?}", plan.actions) };
    let works = &action.effort.works;
    let touched: Vec<_> = works.iter().flat_map(|work| work.touches.clone()).collect();
    let tariff = bed.network.tariff(Purpose::Interactive, &touched).await.unwrap();
    let parts: Vec<_> = works.iter().flat_map(|work| tariff.price(work).unwrap().parts).collect();
    let rent: u128 = parts.iter().filter(|(part, _)| *part == Part::Rent).map(|(_, n)| *n).sum();

    let before = chain.lamports(payer).await.unwrap();
    bed.payer().perform(action).await.unwrap();
    let paid = before - chain.lamports(payer).await.unwrap();
    let account = chain.token_account(merchant, &SolanaToken::USDC).unwrap();
    assert_eq!(rent, u128::from(chain.lamports(&account).await.unwrap()), "the rent");
    assert_eq!(cost(&*tariff, works), u128::from(paid), "the whole bill");

    let again = chain.lamports(payer).await.unwrap();
    bed.payer().perform(action).await.unwrap();
    assert_eq!(chain.lamports(payer).await.unwrap(), again, "it is done once");
    // What is known of the payee's account is looked at again after a moment.
    tokio::time::sleep(Duration::from_secs(3)).await;
    settle(chain, &bed, merchant).await;
    assert_eq!(chain.usdc_balance(merchant).await.unwrap(), Some(10_000));
    devnet.stop().await;
}

/// Requests to the node: a JSON-RPC batch is one, and so is each message over the WebSocket; a push is the answer to one.
fn requests(counts: &Counts) -> u64 {
    counts.http_requests + counts.ws_messages
}

/// A facilitator over HTTP.
async fn serve(bed: &Bed) -> String {
    let (registry, ledger) = (Arc::clone(&bed.registry), Arc::clone(&bed.ledger));
    let facilitator =
        Facilitator::builder("market", registry, ledger, Arc::new(SystemClock)).build().unwrap();
    facilitator.recover().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { facilitator.serve(listener, std::future::pending()).await });
    format!("http://{at}")
}

/// Sends each order to a facilitator's `path`, some at a time.
async fn call(base: &str, path: &str, orders: &[Order], at_once: usize) {
    let client = reqwest::Client::new();
    let one = async |order: &Order| {
        let body = wire::write_facilitator_request(order, &[FAMILY]).unwrap();
        let request = client.post(format!("{base}/{path}")).body(body.as_str().to_owned());
        let answer = request.send().await.unwrap().text().await.unwrap();
        let said: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let good = if path == "verify" { "isValid" } else { "success" };
        assert_eq!(said[good], true, "{path}: {answer}");
    };
    for part in orders.chunks(at_once) {
        futures::future::join_all(part.iter().map(one)).await;
    }
}

/// What verifying and settling took.
#[derive(Default)]
struct Taken {
    requests: u64,
    calls: BTreeMap<String, u64>,
}

/// Runs one phase and adds what it took.
async fn taking(chain: &SolanaChain, taken: &mut Taken, phase: impl Future<Output = ()>) {
    chain.reset_counts();
    phase.await;
    let counts = chain.counts();
    taken.requests += requests(&counts);
    for (method, n) in counts.calls {
        *taken.calls.entry(method).or_default() += n;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_takes_one_request_and_a_settlement_two() {
    let mut wrong = Vec::new();
    for (title, block_time_ms, at_once) in [
        ("one after another", None, 1),
        ("ten at a time", None, 10),
        ("all at once, slots of 400 ms", Some(400), PAYMENTS),
    ] {
        let devnet = Devnet::builder().chains([]).solana().keep_fresh(false).block_time_ms(block_time_ms);
        let devnet = devnet.start().await.unwrap();
        let chain = devnet.solana().unwrap();
        let bed = Bed::on_solana(chain, serde_json::Value::Null).await.unwrap();
        let base = serve(&bed).await;
        let merchant = chain.accounts().merchant(0).address();
        for _ in 0..3 {
            call(&base, "settle", &[bed.order(merchant).await.unwrap()], 1).await;
        }
        let (mut verify, mut settle, begun) = (Taken::default(), Taken::default(), Instant::now());
        for _ in 0..PAYMENTS / at_once {
            let mut orders = Vec::with_capacity(at_once);
            for _ in 0..at_once {
                orders.push(bed.order(merchant).await.unwrap());
            }
            taking(chain, &mut verify, call(&base, "verify", &orders, at_once)).await;
            taking(chain, &mut settle, call(&base, "settle", &orders, at_once)).await;
        }
        // What goes on behind payments goes on without them too.
        let took = begun.elapsed();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut idle = Taken::default();
        taking(chain, &mut idle, tokio::time::sleep(took)).await;
        // On a loaded machine a slot or two pass while one is on its way: it is sent again, and asked after.
        for (path, taken, most) in [("verify", &verify, 100), ("settle", &settle, 200 + LATE)] {
            let Taken { requests, calls } = taken;
            println!("  {title:<30} {path:<7} {requests:>4}, idle {}   {calls:?}", idle.requests);
            if *requests > most + idle.requests {
                wrong.push(format!("{title}: {path} takes {requests} requests for {PAYMENTS}"));
            }
        }
        devnet.stop().await;
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
