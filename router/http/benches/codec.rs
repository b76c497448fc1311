//! Header → payment → offer, against a bare floor that borrows everything and keeps nothing.
//!
//! The ratio is taken from interleaved passes of one run, so that a busy machine slows both alike.

use criterion::{Criterion, criterion_group};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tollway_core::Offer;
use tollway_http::codec::{self, Limits};

#[path = "../tests/common/wire.rs"]
mod wire;

#[derive(Deserialize)]
struct Accepted<'a> {
    #[serde(borrow)]
    scheme: Cow<'a, str>,
    #[serde(borrow)]
    network: Cow<'a, str>,
    #[serde(borrow)]
    amount: Cow<'a, str>,
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow, rename = "payTo")]
    pay_to: Cow<'a, str>,
    #[serde(rename = "maxTimeoutSeconds")]
    timeout_s: u64,
    extra: Extra<'a>,
}
#[derive(Deserialize)]
struct Extra<'a> {
    name: &'a str,
    version: &'a str,
}
#[derive(Deserialize)]
struct Authorization<'a> {
    from: &'a str,
    to: &'a str,
    value: &'a str,
    #[serde(rename = "validAfter")]
    valid_after: &'a str,
    #[serde(rename = "validBefore")]
    valid_before: &'a str,
    nonce: &'a str,
}
#[derive(Deserialize)]
struct Payload<'a> {
    signature: &'a str,
    #[serde(borrow)]
    authorization: Authorization<'a>,
}
#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}
#[derive(Deserialize)]
struct Payment<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow)]
    accepted: Accepted<'a>,
    #[serde(borrow)]
    payload: Payload<'a>,
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
}

/// The physical limit: a reused buffer, one borrowed parse, no ownership of anything.
struct Floor {
    buffer: Vec<u8>,
    offers: Vec<String>,
}

impl Floor {
    fn find(&mut self, header: &[u8]) -> Option<usize> {
        self.buffer.clear();
        base64_simd::STANDARD.decode_append(header, &mut self.buffer).ok()?;
        let paid: Payment<'_> = serde_json::from_slice(&self.buffer).ok()?;
        let (a, p) = (&paid.payload.authorization, &paid.payload);
        black_box((paid.version, a.from, a.to, a.value, a.valid_after, a.valid_before, a.nonce, p.signature));
        black_box(paid.resource.as_ref().map(|r| &r.url));
        self.parsed().position(|o| {
            o.1 == paid.accepted.network
                && o.2 == paid.accepted.amount
                && o.0 == paid.accepted.scheme
                && o.3.eq_ignore_ascii_case(&paid.accepted.asset)
                && o.4.eq_ignore_ascii_case(&paid.accepted.pay_to)
                && paid.accepted.timeout_s == 300
                && paid.accepted.extra.name == "USDC"
                && paid.accepted.extra.version == "2"
        })
    }
    fn parsed(&self) -> impl Iterator<Item = (&str, &str, &str, &str, &str)> {
        self.offers.iter().map(|network| ("exact", network.as_str(), "10000", wire::TOKEN, wire::PAY_TO))
    }
}

struct Ours {
    offers: Vec<Offer>,
    headers: HeaderMap,
}

impl Ours {
    fn new(accepted: &str) -> Self {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&wire::base64(&wire::payment(accepted))).unwrap();
        headers.insert("payment-signature", value);
        Self { offers: wire::offers(), headers }
    }
    fn find(&self) -> Option<usize> {
        let found =
            codec::read_payment(&self.headers, &self.offers, &[wire::FAMILY], &Limits::DEFAULT).ok()??;
        Some(black_box(&found).0)
    }
}

fn cases() -> (Floor, Vec<u8>, Ours, Ours) {
    let offers = wire::offers();
    let floor = Floor {
        buffer: Vec::with_capacity(4096),
        offers: offers.iter().map(|o| o.requirement.chain.to_string()).collect(),
    };
    let header = wire::base64(&wire::payment(&wire::accept(8453, 10_000))).into_bytes();
    (floor, header, Ours::new(&wire::accept(8453, 10_000)), Ours::new(&wire::accept_reordered(8453, 10_000)))
}

fn benches(c: &mut Criterion) {
    let (mut floor, header, echoed, reordered) = cases();
    let mut group = c.benchmark_group("header to offer of 16");
    group.bench_function("floor", |b| b.iter(|| floor.find(black_box(&header))));
    group.bench_function("echoed", |b| b.iter(|| echoed.find()));
    group.bench_function("reordered", |b| b.iter(|| reordered.find()));
    group.finish();
}

/// Nanoseconds per call, the median of many short interleaved rounds.
fn interleaved() {
    const CALLS: u32 = 500;
    let (mut floor, header, echoed, reordered) = cases();
    assert_eq!(floor.find(&header), Some(8));
    assert_eq!((echoed.find(), reordered.find()), (Some(8), Some(8)));
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..600 {
        times[0].push(timed(CALLS, || floor.find(black_box(&header))));
        times[1].push(timed(CALLS, || echoed.find()));
        times[2].push(timed(CALLS, || reordered.find()));
    }
    let [floor, echoed, reordered] = times.map(|mut t| {
        t.sort_unstable();
        t[t.len() / 2].as_nanos() / u128::from(CALLS)
    });
    let percent = |n: u128| n * 100 / floor.max(1);
    println!(
        "interleaved: floor {floor} ns; echoed {echoed} ns ({} % of the floor); reordered {reordered} ns ({} %)",
        percent(echoed),
        percent(reordered)
    );
}

fn timed<T>(calls: u32, mut call: impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed()
}

criterion_group! {
    name = group;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = benches
}

fn main() {
    interleaved();
    group();
}
