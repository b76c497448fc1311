//! Randomness as the system has it, and none at all.

use alloy::primitives::keccak256;
use alloy::signers::local::PrivateKeySigner;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_core::{AttemptId, Dice};

/// Real dice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Random;

impl Random {
    /// A name that no other attempt has.
    pub fn attempt() -> AttemptId {
        let mut id = [0; 16];
        Self.fill(&mut id);
        AttemptId(alloy::hex::encode(id))
    }
}

impl Dice for Random {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(32) {
            let key = PrivateKeySigner::random().to_bytes();
            part.copy_from_slice(&key[..part.len()]);
        }
    }
}

/// Dice that fall alike in every run.
#[derive(Debug)]
pub struct TestDice(AtomicU64);

impl Default for TestDice {
    fn default() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Dice for TestDice {
    fn fill(&self, out: &mut [u8]) {
        for place in out {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            *place = keccak256(n.to_be_bytes())[0];
        }
    }
}
