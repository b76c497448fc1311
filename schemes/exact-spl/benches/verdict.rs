//! The static verdict on a payment, from its header, beside its floor: one bare `verify_strict` of the same message, turn
//! by turn.

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{Criterion, criterion_group};
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::Signer as _;
use support::{Bench, payer};
use tollway_core::{Offer, Order, wire};
use tollway_exact_spl::read;
use tollway_solana::{FAMILY, Signature, signature};

/// Payments in a circle so wide that none is remembered when its turn comes again: the plugin remembers 4096.
const CIRCLE: usize = 32_768;

struct Arriving {
    order: Order,
    /// The whole payment, as it arrives.
    header: String,
    message: Vec<u8>,
    signature: Signature,
}

struct Payments {
    offer: Offer,
    orders: Vec<Arriving>,
    at: usize,
}

impl Payments {
    fn new() -> Self {
        let bench = Bench::new();
        let requirement = bench.requirement();
        let order = || {
            let order = bench.order_for(requirement.clone());
            let forge = support::apart(&order);
            let json = wire::write_payment(&order.payment, &[FAMILY]).unwrap();
            let header = base64_simd::STANDARD.encode_to_string(json.as_str());
            Arriving {
                order,
                header,
                message: forge.message(),
                signature: Signature::from(forge.signatures[1]),
            }
        };
        let orders = std::iter::repeat_with(order).take(CIRCLE).collect();
        Self { offer: Offer { requirement, bound_to: None, volatile: Vec::new() }, orders, at: 0 }
    }
    fn next(&mut self) -> (&Offer, &Arriving) {
        self.at = (self.at + 1) % self.orders.len();
        (&self.offer, &self.orders[self.at])
    }
}

/// Decodes a header, finds its offer, and judges it.
fn judged(offer: &Offer, arriving: &Arriving) -> bool {
    let text = base64_simd::STANDARD.decode_to_vec(&arriving.header).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (_, payment) = wire::parse_payment(text, [offer], &[FAMILY]).unwrap();
    read(&Order { leg: arriving.order.leg, requirement: offer.requirement.clone(), payment }).is_ok()
}

fn verdict(c: &mut Criterion) {
    let mut payments = Payments::new();
    let me = payer().pubkey();
    let mut group = c.benchmark_group("exact-spl");
    group.bench_function("floor: verify_strict", |b| {
        b.iter(|| {
            let (_, arriving) = payments.next();
            signature::verify_strict(black_box(&me), black_box(&arriving.message), &arriving.signature)
                .is_ok()
        });
    });
    group.bench_function("payload → verdict", |b| {
        b.iter(|| read(black_box(&payments.next().1.order)).is_ok())
    });
    group.bench_function("header → verdict", |b| {
        b.iter(|| {
            let (offer, arriving) = payments.next();
            judged(black_box(offer), black_box(arriving))
        });
    });
    group.finish();
    let (floor, ours) = by_turns(&mut payments);
    let percent = ours.as_nanos() * 100 / floor.as_nanos().max(1);
    println!("by turns: floor {floor:?}, ours {ours:?}, {percent}% (goal 130%)");
}

/// Medians of both, measured turn by turn: on a busy machine times lie and ratios hold.
fn by_turns(payments: &mut Payments) -> (Duration, Duration) {
    let me = payer().pubkey();
    let (mut floors, mut verdicts) = (Vec::new(), Vec::new());
    for _ in 0..CIRCLE / 2 {
        let (_, arriving) = payments.next();
        let began = Instant::now();
        assert!(
            signature::verify_strict(black_box(&me), black_box(&arriving.message), &arriving.signature)
                .is_ok()
        );
        floors.push(began.elapsed());
        let (offer, arriving) = payments.next();
        let began = Instant::now();
        assert!(judged(black_box(offer), black_box(arriving)));
        verdicts.push(began.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    (median(&mut floors), median(&mut verdicts))
}

criterion_group!(benches, verdict);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
}
