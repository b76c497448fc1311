//! A key that is held to limits.

use super::{read, spell};
use sha2::{Digest, Sha256};
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use solana_signer::{Signer, SignerError};
use std::fmt;
use std::sync::Arc;
use tollway_core::custody::{KeyPolicy, Warden};
use tollway_core::{ChainId, Clock, Code, Error, Ledger, Result};

/// A key behind a [`KeyPolicy`], for one chain: a message does not say which it is for. It reads each message, holds it against
/// the limits and writes the sums into the ledger; only then is the key asked. It goes around any signer, and wherever one
/// does: to [`crate::Builder::payer`] and [`crate::Builder::fee_payer`].
///
/// A token account tells no owner, so payees are found by their associated accounts; a denied one with another account of its
/// own is not known as that. Where it matters, name those who may be paid.
///
/// Waits for the ledger, so it is [interactive](Signer::is_interactive): ask it by [`super::sign`].
pub struct PolicySigner {
    key: Arc<dyn Signer + Send + Sync>,
    address: Pubkey,
    chain: ChainId,
    warden: Warden,
}

impl fmt::Debug for PolicySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicySigner({} on {})", self.address, self.chain)
    }
}

impl PolicySigner {
    /// Around this key. Its sums are kept in `ledger` under its address.
    ///
    /// # Errors
    /// [`Code::BadKey`] when the key does not say whose it is; [`Code::Internal`] when the system has no random bytes.
    pub fn new(
        key: Arc<dyn Signer + Send + Sync>,
        chain: ChainId,
        policy: KeyPolicy,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let address = key
            .try_pubkey()
            .map_err(|_| Error::caller(Code::BadKey).detail("the key does not tell who it is"))?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|_| Error::us(Code::Internal).detail("the system gives no random bytes"))?;
        let warden = Warden::new(policy, &address.to_string(), ledger, clock, secret);
        Ok(Self { key, address, chain, warden })
    }

    /// What it holds the key to.
    pub fn policy(&self) -> &KeyPolicy {
        self.warden.policy()
    }

    fn admit(&self, message: &[u8]) -> Result<()> {
        let ask = read::message(self.chain, &self.address, self.policy(), message)?;
        let digest: String = Sha256::digest(message).iter().map(|byte| format!("{byte:02x}")).collect();
        futures::executor::block_on(self.warden.admit(&digest, &ask))
    }
}

impl Signer for PolicySigner {
    fn try_pubkey(&self) -> Result<Pubkey, SignerError> {
        Ok(self.address)
    }
    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.admit(message).map_err(|why| {
            tracing::warn!(target: "tollway_solana", key = %self.address, %why, "nothing was signed");
            spell(&why)
        })?;
        self.key.try_sign_message(message)
    }
    fn is_interactive(&self) -> bool {
        true
    }
}
