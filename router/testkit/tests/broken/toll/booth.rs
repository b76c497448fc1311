//! A process's way to the chain: a node, and perhaps a wallet.

use super::faults::LEAKS_THE_KEY_IN_DEBUG;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::{Code, Error, Result};
use tollway_testkit::sim::{Sim, SimKey};

pub(crate) struct Booth {
    pub(crate) sim: Arc<dyn Sim>,
    pub(crate) wallet: Option<Wallet>,
}

/// The payer's key, and how often it was used.
pub(crate) struct Wallet {
    pub(crate) key: SimKey,
    pub(crate) signed: Arc<AtomicUsize>,
    pub(crate) fault: u8,
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.fault == LEAKS_THE_KEY_IN_DEBUG {
            return write!(f, "Wallet({:?})", self.key.secret());
        }
        f.write_str("Wallet")
    }
}

impl Booth {
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String> {
        let wallet = self.wallet.as_ref().ok_or_else(|| Error::caller(Code::NoSigner))?;
        wallet.signed.fetch_add(1, Ordering::SeqCst);
        Ok(hex::encode(wallet.key.sign(message)))
    }
}
