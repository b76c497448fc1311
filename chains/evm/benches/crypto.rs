//! What verifying and signing one authorization costs.
#![allow(missing_docs)]

use alloy::primitives::{Address, B256, U256};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tollway_evm::LocalKey;
use tollway_evm::eip712::{Transfer, separator};
use tollway_evm::signature::recover;

fn crypto(c: &mut Criterion) {
    let key = LocalKey::from_bytes(&[7; 32]).expect("a key");
    let token = Address::repeat_byte(3);
    let transfer = Transfer {
        from: key.address(),
        to: Address::repeat_byte(1),
        value: U256::from(10_000),
        valid_after: U256::ZERO,
        valid_before: U256::from(1_740_672_154u64),
        nonce: B256::repeat_byte(9),
    };
    let domain = separator("USDC", "2", 84532, token);
    let digest = transfer.digest(&domain);
    let signature = key.sign(&digest).as_bytes();
    c.bench_function("separator, remembered", |b| {
        b.iter(|| separator(black_box("USDC"), black_box("2"), 84532, token));
    });
    c.bench_function("digest", |b| b.iter(|| black_box(&transfer).digest(black_box(&domain))));
    c.bench_function("recover", |b| b.iter(|| recover(black_box(&digest), black_box(&signature))));
    c.bench_function("sign", |b| b.iter(|| key.sign(black_box(&digest))));
}

criterion_group!(benches, crypto);
criterion_main!(benches);
