//! A payer's key that counts how often it signs.

use alloy::primitives::{Address, B256, ChainId, Signature};
use alloy::signers::{Result, Signer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::async_trait;
use tollway_evm::LocalKey;

/// A key, and how often it has signed.
pub struct CountingKey {
    key: LocalKey,
    signed: Arc<AtomicUsize>,
}

impl fmt::Debug for CountingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountingKey({})", self.key.address())
    }
}

impl CountingKey {
    /// From the secret.
    ///
    /// # Panics
    /// For a number that is no key.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { key: LocalKey::from_bytes(secret).expect("a key"), signed: Arc::default() }
    }
    /// How often it has signed, to be read later too.
    pub fn signed(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.signed)
    }
}

#[async_trait]
impl Signer for CountingKey {
    async fn sign_hash(&self, hash: &B256) -> Result<Signature> {
        self.signed.fetch_add(1, Ordering::SeqCst);
        self.key.sign_hash(hash).await
    }
    fn address(&self) -> Address {
        self.key.address()
    }
    fn chain_id(&self) -> Option<ChainId> {
        None
    }
    fn set_chain_id(&mut self, _: Option<ChainId>) {}
}
