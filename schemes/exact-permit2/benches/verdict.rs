//! What the offline verdict costs over the signature that has to be recovered for it anyway: goal, at most 1.2 times.
#![allow(missing_docs)]

use alloy::primitives::{Address, B256, U256, keccak256};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tollway_core::{Json, Leg, Order, Payment, Version, wire};
use tollway_evm::permit2::{Permit, Proxy, Signed, Witness};
use tollway_evm::signature::recover;
use tollway_evm::{FAMILY, LocalKey};

/// More payments than anybody remembers, so that each is looked at as for the first time.
const PAYMENTS: u64 = 40_000;

const ENTRY: &str = r#"{"scheme":"exact","network":"eip155:84532","amount":"10000","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x0303030303030303030303030303030303030303","maxTimeoutSeconds":60,"extra":{"assetTransferMethod":"permit2","name":"USDC","version":"2"}}"#;

fn payments() -> Vec<(Order, B256, [u8; 65])> {
    let key = LocalKey::from_bytes(&[7; 32]).expect("a key");
    let raw = Json::parse(ENTRY).expect("an entry");
    let requirement = wire::read_requirement(&raw, Version::V2, &[FAMILY]).expect("an entry");
    let make = |n: u64| {
        let permit = Permit {
            from: key.address(),
            token: "0x036CbD53842c5426634e7929541eC2318f3dCF7e".parse().expect("an address"),
            amount: U256::from(10_000),
            spender: Proxy::Exact.address(),
            nonce: keccak256(n.to_be_bytes()).into(),
            deadline: U256::from(1_800_000_000u64),
            witness: Witness { to: Address::repeat_byte(3), facilitator: None, valid_after: U256::ZERO },
        };
        let digest = permit.digest(84_532);
        let signature = key.sign(&digest).as_bytes();
        let payload = Signed { permit, signature: signature.into() }.encode();
        let payment = Payment { accepted: requirement.clone(), payload, extensions: None, resource: None };
        let order = Order { leg: Leg::After, requirement: requirement.clone(), payment };
        (order, digest, signature)
    };
    (0..PAYMENTS).map(make).collect()
}

fn verdict(c: &mut Criterion) {
    let payments = payments();
    let mut turn = payments.iter().cycle();
    c.bench_function("bare recovery", |b| {
        b.iter(|| {
            let (_, digest, signature) = turn.next().expect("a payment");
            recover(black_box(digest), black_box(signature))
        });
    });
    let mut turn = payments.iter().cycle();
    c.bench_function("offline verdict", |b| {
        b.iter(|| {
            let (order, ..) = turn.next().expect("a payment");
            tollway_exact_permit2::read(black_box(order))
        });
    });
}

criterion_group!(benches, verdict);
criterion_main!(benches);
