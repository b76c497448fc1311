//! Every operation of the acceptance list beside its floor.

use criterion::{Criterion, criterion_group};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tollway_bench::floor::Floor;
use tollway_bench::payer::Payer;
use tollway_bench::ranks;
use tollway_bench::seller::{self, Arriving, Spelling};
use tollway_bench::table::{Goal, Row, markdown};
use tollway_bench::turns::{Turn, medians};

/// Payments in a circle so wide that none is remembered when its turn comes again: the plugin remembers 4096 signers,
/// so one in three thousand survives.
const CIRCLE: u64 = 32_768;

struct Circle {
    payments: Vec<Arriving>,
    at: usize,
}

impl Circle {
    /// The `nth` circle; no two have a payment in common.
    fn new(nth: u64) -> Self {
        let payments = (nth * CIRCLE..(nth + 1) * CIRCLE).map(|n| Arriving::new(n, Spelling::Echoed));
        Self { payments: payments.collect(), at: 0 }
    }
    fn next(&mut self) -> &Arriving {
        self.at = (self.at + 1) % self.payments.len();
        &self.payments[self.at]
    }
}

fn matching() -> Vec<Row> {
    let (offers, wanted) = (seller::offers(), seller::wanted());
    let (echoed, reordered) = (Arriving::new(0, Spelling::Echoed), Arriving::new(0, Spelling::Reordered));
    let mut floors = [Floor::default(), Floor::default()];
    assert_eq!(seller::floor(&mut floors[0], &echoed, &wanted), Some(seller::PAID));
    assert_eq!(seller::find(&echoed, &offers), Some(seller::PAID));
    assert_eq!(seller::find(&reordered, &offers), Some(seller::PAID));
    let [first, second] = &mut floors;
    let [floor_a, ours_a, floor_b, ours_b] = medians(
        3_000,
        150,
        [
            Turn::new(|| seller::floor(first, black_box(&echoed), &wanted)),
            Turn::new(|| seller::find(black_box(&echoed), &offers)),
            Turn::new(|| seller::floor(second, black_box(&reordered), &wanted)),
            Turn::new(|| seller::find(black_box(&reordered), &offers)),
        ],
    );
    let row = |operation, floor_ns, ours_ns| Row { operation, floor_ns, ours_ns, goal: Goal::Times(1.4) };
    vec![
        row("payment header → offer among 16, entry echoed byte for byte", floor_a, ours_a),
        row("payment header → offer among 16, keys in another order", floor_b, ours_b),
    ]
}

fn verdict() -> Vec<Row> {
    let offers = seller::offers();
    let (mut first, mut again) = (Circle::new(0), Circle::new(1));
    let known = Arriving::new(3 * CIRCLE, Spelling::Echoed);
    assert!(seller::verdict(&known, &offers).is_some());
    let [floor_ns, ours_ns, seen_ns] = medians(
        3_000,
        8,
        [
            Turn::new(|| seller::curve(black_box(again.next()))),
            Turn::new(|| seller::verdict(black_box(first.next()), &offers)),
            Turn::new(|| seller::verdict(black_box(&known), &offers)),
        ],
    );
    vec![
        Row {
            operation: "payment header → verdict offline, first sight",
            floor_ns,
            ours_ns,
            goal: Goal::Times(1.15),
        },
        Row {
            operation: "payment header → verdict offline, seen before",
            floor_ns,
            ours_ns: seen_ns,
            goal: Goal::Shown,
        },
    ]
}

fn choosing(payer: &Payer) -> Vec<Row> {
    let mut floor = Floor::default();
    assert_eq!(floor.parse(payer.header()), Some(16));
    let asked = payer.asked();
    let [floor_ns, read_ns, consider_ns, select_ns] = medians(
        6_000,
        6,
        [
            Turn::new(|| floor.parse(black_box(payer.header()))),
            Turn::new(|| payer.read()),
            Turn::new(|| payer.consider(black_box(payer.challenge()))),
            Turn::new(|| payer.select()),
        ],
    );
    assert_eq!(payer.asked(), asked, "considering asks no node");
    let row = |operation, ours_ns, goal| Row { operation, floor_ns, ours_ns, goal };
    vec![
        row("402 header of 16 entries → challenge", read_ns, Goal::Shown),
        row("challenge → 16 entries planned, priced and ranked", consider_ns, Goal::Shown),
        row("402 header of 16 entries → best entry", select_ns, Goal::Times(1.8)),
        Row {
            operation: "the same, against our own reading of the 402",
            floor_ns: read_ns,
            ours_ns: select_ns,
            goal: Goal::Shown,
        },
    ]
}

fn sorting(n: usize, operation: &'static str, most_ns: f64) -> Row {
    let (costs, ranked) = (ranks::integers(n), ranks::ranks(n));
    let (mut integers, mut sorted) = (costs.clone(), ranked.clone());
    let [floor_ns, ours_ns] = medians(
        3_000,
        if n > 100 { 20 } else { 400 },
        [
            Turn::new(|| {
                integers.copy_from_slice(black_box(&costs));
                integers.sort_unstable();
            }),
            Turn::new(|| {
                sorted.copy_from_slice(black_box(&ranked));
                tollway_route::rank::sort(&mut sorted);
            }),
        ],
    );
    Row { operation, floor_ns, ours_ns, goal: Goal::Within(most_ns) }
}

fn benches(c: &mut Criterion) {
    let (offers, wanted) = (seller::offers(), seller::wanted());
    let (echoed, reordered) = (Arriving::new(0, Spelling::Echoed), Arriving::new(0, Spelling::Reordered));
    let mut floor = Floor::default();
    let mut group = c.benchmark_group("payment header to offer of 16");
    group.bench_function("floor", |b| b.iter(|| seller::floor(&mut floor, black_box(&echoed), &wanted)));
    group.bench_function("echoed", |b| b.iter(|| seller::find(black_box(&echoed), &offers)));
    group.bench_function("reordered", |b| b.iter(|| seller::find(black_box(&reordered), &offers)));
    group.finish();

    let mut circle = Circle::new(2);
    let mut group = c.benchmark_group("payment header to verdict");
    group.bench_function("floor: the curve alone", |b| b.iter(|| seller::curve(black_box(circle.next()))));
    group.bench_function("first sight", |b| b.iter(|| seller::verdict(black_box(circle.next()), &offers)));
    group.finish();

    let payer = warm();
    let mut group = c.benchmark_group("402 of 16 to best entry");
    group.bench_function("floor: parsing alone", |b| b.iter(|| floor.parse(black_box(payer.header()))));
    group.bench_function("read", |b| b.iter(|| payer.read()));
    group.bench_function("consider", |b| b.iter(|| payer.consider(black_box(payer.challenge()))));
    group.bench_function("read and consider", |b| b.iter(|| payer.select()));
    group.finish();

    let mut group = c.benchmark_group("ranking");
    for n in [16, 256] {
        let (ranked, mut sorted) = (ranks::ranks(n), ranks::ranks(n));
        group.bench_function(format!("{n}"), |b| {
            b.iter(|| {
                sorted.copy_from_slice(black_box(&ranked));
                tollway_route::rank::sort(&mut sorted);
            });
        });
    }
    group.finish();
}

fn warm() -> Payer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(Payer::warm())
}

criterion_group! {
    name = group;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = benches
}

/// One operation for some seconds and nothing else: something for a profiler to look at.
fn spin(operation: &str) {
    let (offers, payer) = (seller::offers(), warm());
    let (echoed, reordered) = (Arriving::new(0, Spelling::Echoed), Arriving::new(0, Spelling::Reordered));
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        for _ in 0..1_000 {
            match operation {
                "read" => drop(black_box(payer.read())),
                "consider" => drop(black_box(payer.consider(payer.challenge()))),
                "select" => drop(black_box(payer.select())),
                "echoed" => drop(black_box(seller::find(&echoed, &offers))),
                _ => drop(black_box(seller::find(&reordered, &offers))),
            }
        }
    }
}

fn main() {
    if let Ok(operation) = std::env::var("TOLLWAY_SPIN") {
        return spin(&operation);
    }
    // `--table` leaves out Criterion's part, which takes most of the time.
    if !std::env::args().any(|argument| argument == "--table") {
        group();
    }
    let mut rows = matching();
    rows.extend(verdict());
    rows.extend(choosing(&warm()));
    rows.push(sorting(16, "ranking 16 finished costs", 1_000.0));
    rows.push(sorting(256, "ranking 256 finished costs", 10_000.0));
    println!("{}", markdown(&rows));
}
