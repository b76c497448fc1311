//! A key that is held to limits.

use super::{Key, Message, read};
use crate::signature;
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, Signature};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use tollway_core::custody::{Ask, KeyPolicy, Refusal, Warden};
use tollway_core::{Clock, Code, Error, Ledger, Result, async_trait};

/// A key behind a [`KeyPolicy`]. It reads every message and transaction itself, computes the digest from what it read, holds it
/// against the limits and writes the sums into the ledger; only then is the key asked. It goes around any key, and wherever
/// one does: to [`crate::Builder::payer`] and [`crate::Builder::sender`].
///
/// Put it around the key where that is made, and let nothing else have the key. Needs a tokio runtime.
///
/// ```
/// use std::sync::Arc;
/// use tollway_core::custody::{AssetLimit, KeyPolicy};
/// use tollway_core::{ChainId, Clock, Ledger};
/// use tollway_evm::custody::PolicySigner;
/// use tollway_evm::{FAMILY, LocalKey};
///
/// # fn example(key: LocalKey, ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> tollway_core::Result<PolicySigner> {
/// let usdc = FAMILY.asset(ChainId::new("eip155:8453")?, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")?;
/// let policy = KeyPolicy {
///     assets: vec![AssetLimit { asset: usdc, max: 100_000, hour: None, day: Some(5_000_000) }],
///     messages: vec!["TransferWithAuthorization".to_owned()],
///     validity_s_max: 600,
///     ..KeyPolicy::default() // no other message, and no transaction
/// };
/// Ok(PolicySigner::new(Arc::new(key), policy, ledger, clock))
/// # }
/// ```
pub struct PolicySigner {
    key: Arc<dyn Key>,
    warden: Warden,
}

impl fmt::Debug for PolicySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicySigner({})", self.key.address())
    }
}

impl PolicySigner {
    /// Around this key. Its sums are kept in `ledger` under its address.
    pub fn new(key: Arc<dyn Key>, policy: KeyPolicy, ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        let name = format!("{:#x}", key.address());
        let mut secret = [0; 32];
        // Without a generator a plugin could go around every sum. There is no safe way on: the process must not continue.
        if getrandom::fill(&mut secret).is_err() {
            std::process::abort();
        }
        Self { key, warden: Warden::new(policy, &name, ledger, clock, secret) }
    }

    /// What it holds the key to.
    pub fn policy(&self) -> &KeyPolicy {
        self.warden.policy()
    }

    async fn admit(&self, digest: &B256, ask: Ask) -> Result<()> {
        let (warden, digest, chain) = (self.warden.clone(), format!("{digest:#x}"), ask.chain);
        // In a task of its own: whoever asks may leave, and what was begun is still ended.
        let admitted = tokio::spawn(async move { warden.admit(&digest, &ask).await }).await;
        let admitted = admitted
            .map_err(|_| Error::us(Code::Internal).detail("a check of the key's policy was broken off"))
            .flatten();
        if let Err(why) = &admitted {
            tracing::warn!(target: "tollway_evm", key = %self.key.address(), %chain, %why, "nothing was signed");
        }
        admitted
    }

    /// A signature by another key, or of something else, does not leave.
    fn own(&self, digest: &B256, signature: Signature) -> Result<Signature> {
        match signature::recover(digest, &signature.as_bytes()) {
            Ok(who) if who == self.key.address() => Ok(signature),
            _ => {
                Err(Error::caller(Code::BadKey).detail("the signer signs something else, or for another key"))
            }
        }
    }
}

#[async_trait]
impl Key for PolicySigner {
    fn address(&self) -> Address {
        self.key.address()
    }
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature> {
        let (ask, digest) = (read::message(message)?, message.digest());
        self.admit(&digest, ask).await?;
        self.own(&digest, self.key.sign_authorization(message).await?)
    }
    async fn sign_call(&self, tx: &TxEip1559) -> Result<Signature> {
        let (ask, digest) = (read::transaction(self.key.address(), tx)?, tx.signature_hash());
        self.admit(&digest, ask).await?;
        self.own(&digest, self.key.sign_call(tx).await?)
    }
}

#[async_trait]
impl TxSigner<Signature> for PolicySigner {
    fn address(&self) -> Address {
        self.key.address()
    }
    async fn sign_transaction(
        &self,
        tx: &mut dyn SignableTransaction<Signature>,
    ) -> alloy::signers::Result<Signature> {
        transact(self, tx).await
    }
}

/// Only EIP-1559 transactions, of alloy's own type: another's word for what it is made of is worth nothing.
pub(super) async fn transact(
    key: &dyn Key,
    tx: &mut dyn SignableTransaction<Signature>,
) -> alloy::signers::Result<Signature> {
    let known = {
        let tx: &dyn Any = &*tx;
        tx.downcast_ref::<TxEip1559>().cloned()
    };
    let signed = match known {
        Some(tx) => key.sign_call(&tx).await,
        None => Err(Refusal::Unknown("a transaction that is none of EIP-1559").error()),
    };
    signed.map_err(alloy::signers::Error::other)
}
