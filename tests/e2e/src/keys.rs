//! A payer's key that counts its signatures.

use alloy::primitives::{Address, B256, ChainId, Signature};
use alloy::signers::Signer;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway::evm::LocalKey;

/// Signs as [`LocalKey`] does, and counts.
#[derive(Debug)]
pub struct CountingKey {
    key: LocalKey,
    signed: AtomicUsize,
}

impl CountingKey {
    /// From 64 hex digits.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn from_hex(text: &str) -> tollway::core::Result<Self> {
        Ok(Self { key: LocalKey::from_hex(text)?, signed: AtomicUsize::new(0) })
    }

    /// How many signatures it has made.
    pub fn signed(&self) -> usize {
        self.signed.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Signer for CountingKey {
    async fn sign_hash(&self, hash: &B256) -> alloy::signers::Result<Signature> {
        self.signed.fetch_add(1, Ordering::SeqCst);
        Ok(self.key.sign(hash))
    }
    fn address(&self) -> Address {
        self.key.address()
    }
    fn chain_id(&self) -> Option<ChainId> {
        None
    }
    fn set_chain_id(&mut self, _chain_id: Option<ChainId>) {}
}
