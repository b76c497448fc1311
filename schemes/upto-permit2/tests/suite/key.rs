//! A payer's key that counts how often it signs.

use alloy::primitives::{Address, B256, ChainId, Signature};
use alloy::signers::{Result, Signer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::async_trait;
use tollway_evm::LocalKey;

pub(crate) struct CountingKey {
    key: LocalKey,
    pub(crate) signed: Arc<AtomicUsize>,
}

impl CountingKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self { key: LocalKey::from_bytes(secret).unwrap(), signed: Arc::default() }
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
