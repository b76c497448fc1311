//! A payer's key that counts how often it signs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_solana::{LocalKey, Pubkey, Signature, Signer};

pub(crate) struct CountingKey {
    key: LocalKey,
    pub(crate) signed: Arc<AtomicUsize>,
}

impl CountingKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self { key: LocalKey::from_secret(secret), signed: Arc::default() }
    }
}

impl Signer for CountingKey {
    fn try_pubkey(&self) -> Result<Pubkey, solana_signer::SignerError> {
        self.key.try_pubkey()
    }
    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, solana_signer::SignerError> {
        self.signed.fetch_add(1, Ordering::SeqCst);
        self.key.try_sign_message(message)
    }
    fn is_interactive(&self) -> bool {
        false
    }
}
