//! What the offline verdict costs over the signature that has to be recovered for it anyway: goal, at most 1.2 times.
#![allow(missing_docs)]

use alloy::primitives::{Address, B256, U256, keccak256};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tollway_core::{Json, Leg, Order, Payment, Requirement, Version, wire};
use tollway_evm::permit2::{Permit, Proxy, Signed, Witness};
use tollway_evm::signature::recover;
use tollway_evm::{FAMILY, LocalKey};

/// More than anybody remembers, so that each is looked at as for the first time.
const PAYMENTS: u64 = 40_000;

const TOKEN: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const FACILITATOR: Address = Address::repeat_byte(5);
const PAYEE: Address = Address::repeat_byte(3);

fn requirement() -> Requirement {
    let entry = format!(
        r#"{{"scheme":"upto","network":"eip155:84532","amount":"10000","asset":"{TOKEN}","payTo":"{PAYEE}","maxTimeoutSeconds":60,"extra":{{"assetTransferMethod":"permit2","facilitatorAddress":"{FACILITATOR}","name":"USDC","version":"2"}}}}"#
    );
    wire::read_requirement(&Json::parse(entry).expect("JSON"), Version::V2, &[FAMILY]).expect("an entry")
}

/// A payment, its digest and its signature.
fn payment(key: &LocalKey, requirement: &Requirement, n: u64) -> (Order, B256, [u8; 65]) {
    let witness = Witness { to: PAYEE, facilitator: Some(FACILITATOR), valid_after: U256::ZERO };
    let permit = Permit {
        from: key.address(),
        token: TOKEN.parse().expect("an address"),
        amount: U256::from(10_000),
        spender: Proxy::Upto.address(),
        nonce: keccak256(n.to_be_bytes()).into(),
        deadline: U256::from(1_800_000_000u64),
        witness,
    };
    let digest = permit.digest(84_532);
    let signature = key.sign(&digest).as_bytes();
    let payload = Signed { permit, signature: signature.into() }.encode();
    let payment = Payment { accepted: requirement.clone(), payload, extensions: None, resource: None };
    (Order { leg: Leg::After, requirement: requirement.clone(), payment }, digest, signature)
}

fn verdict(c: &mut Criterion) {
    let (key, requirement) = (LocalKey::from_bytes(&[7; 32]).expect("a key"), requirement());
    let payments: Vec<_> = (0..PAYMENTS).map(|n| payment(&key, &requirement, n)).collect();
    assert!(tollway_upto_permit2::read(&payments[0].0).is_ok());
    let mut turn = payments.iter().cycle();
    c.bench_function("upto: bare recovery", |b| {
        b.iter(|| turn.next().map(|(_, digest, signature)| recover(black_box(digest), black_box(signature))));
    });
    let mut turn = payments.iter().cycle();
    c.bench_function("upto: offline verdict", |b| {
        b.iter(|| turn.next().map(|(order, ..)| tollway_upto_permit2::read(black_box(order))));
    });
}

criterion_group!(benches, verdict);
criterion_main!(benches);
