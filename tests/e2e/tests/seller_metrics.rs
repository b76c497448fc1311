//! What a monitor reads of a shop, through a parser that is not ours.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use prometheus_parse::{Scrape, Value};
use reqwest::Client;
use std::time::Duration;
use tollway_devnet::ChainSpec;
use tollway_e2e::header::{Answer, Ask, encode};
use tollway_e2e::process::{FacilitatorProcess, Settings, free_port};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;
use tollway_e2e::{Outcome, until};

const PATIENCE: Duration = Duration::from_secs(60);
const USDC: &str = "eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

/// The page over HTTP, as a monitor gets it.
async fn page(handle: PrometheusHandle) -> Outcome<String> {
    let app = axum::Router::new().route("/metrics", axum::routing::get(async move || handle.render()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

async fn scrape(url: &str) -> Outcome<Scrape> {
    let text = reqwest::get(url).await?.error_for_status()?.text().await?;
    Ok(Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?)
}

/// The sum of all samples with these labels.
fn sum(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value))
    };
    let value = |sample: &prometheus_parse::Sample| match &sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => *value,
        Value::Histogram(counts) => counts.last().map_or(0.0, |most| most.count),
        Value::Summary(counts) => counts.last().map_or(0.0, |most| most.count),
    };
    scrape.samples.iter().filter(fits).map(value).sum()
}

async fn facilitator(world: &World, name: &str, nth: usize) -> Outcome<FacilitatorProcess> {
    let settings = Settings {
        name: name.to_owned(),
        port: free_port()?,
        database: None,
        lease_ms: 0,
        ledger: world.ledger(name),
        chains: world.chains(),
        senders: vec![world.devnet.accounts().settler(nth).private_key().to_owned()],
        patience_ms: 1_000,
    };
    let process = FacilitatorProcess::start(env!("CARGO_BIN_EXE_e2e-facilitator"), settings)?;
    process.health().await?;
    Ok(process)
}

struct Buyer<'a> {
    client: Client,
    ask: Ask,
    key: &'a str,
}

impl Buyer<'_> {
    async fn header(&self) -> Outcome<String> {
        Ok(encode(&self.ask.draft(&self.client, self.key).await?.sign()))
    }
    async fn pay(&self) -> Outcome<Answer> {
        self.ask.send(&self.client, Some(&self.header().await?)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_refusals_doubts_amounts_and_breakers_are_counted() -> Outcome {
    let recorder = PrometheusBuilder::new().set_buckets(&[0.1, 1.0, 10.0])?.build_recorder();
    let url = page(recorder.handle()).await?;
    metrics::set_global_recorder(recorder)?;
    let world = World::start([ChainSpec::BASE]).await?;
    let (mut first, second) =
        (facilitator(&world, "first", 0).await?, facilitator(&world, "second", 1).await?);
    let setup = Setup { others: vec![second.url()], patience_ms: 500, ..Setup::new("shop", &first.url()) };
    let shop = Shop::open(&world, &setup).await?;
    let key = world.devnet.accounts().payer(0).private_key();
    let buyer = Buyer { client: Client::new(), ask: Ask::get(&shop.url, "/8453/a"), key };
    let member = |process: &FacilitatorProcess| process.url();

    // Two payments, one of them shown twice; one that has nothing; one that is no payment.
    let header = buyer.header().await?;
    for _ in 0..2 {
        assert_eq!(buyer.ask.send(&buyer.client, Some(&header)).await?.status, 200);
    }
    assert_eq!(buyer.pay().await?.status, 200);
    let poor = world.devnet.accounts().payer(1);
    world.chain().set_usdc_balance(poor.address(), 0).await?;
    let refused = Buyer { client: Client::new(), key: poor.private_key(), ask: buyer.ask.clone() };
    let refused = refused.pay().await?;
    assert_eq!(refused.status, 402, "{refused:?}");
    assert_eq!(buyer.ask.send(&buyer.client, Some("bm90aGluZw==")).await?.status, 402);

    let seen = scrape(&url).await?;
    let base = ("network", "eip155:8453");
    let ended =
        |scrape: &Scrape, outcome: &str| sum(scrape, "tollway_payments_total", &[("outcome", outcome), base]);
    assert_eq!((ended(&seen, "paid"), ended(&seen, "again"), ended(&seen, "refused")), (2.0, 1.0, 1.0));
    let funds = [("outcome", "refused"), ("reason", "insufficient_funds"), ("scheme", "exact")];
    assert_eq!(sum(&seen, "tollway_payments_total", &funds), 1.0);
    assert_eq!(sum(&seen, "tollway_sold_total", &[("asset", USDC), ("decimals", "6")]), 20_000.0);
    assert_eq!(sum(&seen, "tollway_payment_seconds", &[base]), 4.0);
    // Each draft asks for the price first.
    assert_eq!(sum(&seen, "tollway_paywall_answers_total", &[("status", "402")]), 3.0 + 2.0);
    assert_eq!(sum(&seen, "tollway_paywall_answers_total", &[("status", "200")]), 3.0);
    assert_eq!(sum(&seen, "tollway_payments_in_flight", &[]), 0.0);
    let settled = [("member", &*member(&first)), ("what", "settle"), ("outcome", "good")];
    assert_eq!(sum(&seen, "tollway_pool_asked_total", &settled), 2.0);
    let well = |process: &FacilitatorProcess, scrape: &Scrape, state: &str| {
        sum(scrape, "tollway_pool_member", &[("member", &process.url()), ("state", state)])
    };
    assert_eq!([well(&first, &seen, "well"), well(&second, &seen, "well")], [1.0, 1.0]);

    // Nobody mines: nobody knows.
    world.chain().set_automine(false).await?;
    let doubtful = buyer.header().await?;
    assert_eq!(buyer.ask.send(&buyer.client, Some(&doubtful)).await?.status, 402);
    assert_eq!(shop.gate.recover().await?, 1);
    let seen = scrape(&url).await?;
    assert_eq!((ended(&seen, "unknown"), sum(&seen, "tollway_payments_open", &[])), (1.0, 1.0));
    world.chain().set_automine(true).await?;
    world.chain().mine(1).await?;
    until("it is known", PATIENCE, async || Ok((shop.gate.recover().await? == 0).then_some(()))).await?;
    assert_eq!(sum(&scrape(&url).await?, "tollway_payments_open", &[]), 0.0);

    // The first dies, and rests after three failures.
    first.kill().await?;
    for _ in 0..4 {
        assert_eq!(buyer.pay().await?.status, 200);
    }
    let seen = scrape(&url).await?;
    assert_eq!([well(&first, &seen, "well"), well(&first, &seen, "resting")], [0.0, 1.0]);
    assert_eq!(well(&second, &seen, "well"), 1.0);
    assert_eq!(ended(&seen, "paid"), 2.0 + 4.0);
    for sample in &seen.samples {
        let text = format!("{sample:?}");
        assert!(!text.contains(key.trim_start_matches("0x")), "a key is in {text}");
    }
    Ok(())
}
