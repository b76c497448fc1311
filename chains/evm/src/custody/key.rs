//! Whatever signs.

use super::Message;
use crate::signature::{Check, Signature as Form};
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::primitives::{Address, Signature};
use alloy::signers::Signer;
use tollway_core::{Blame, Code, Error, Next, Result, async_trait};

/// A key that signs what it is shown. It is never asked for a bare hash, so whoever asks cannot hide what it is of.
///
/// ```compile_fail
/// # async fn rogue(key: &dyn tollway_evm::custody::Key, hash: alloy::primitives::B256) {
/// key.sign_hash(&hash).await; // there is no such call
/// # }
/// ```
///
/// * Every signer of alloy's is one. A signer that reads what it signs implements this instead.
/// * Both calls may be made again after an error, and may be dropped; a remote key may have signed all the same.
/// * An error never quotes the signer: nobody knows what its words hold.
#[async_trait]
pub trait Key: Send + Sync {
    /// Whose key it is.
    fn address(&self) -> Address;
    /// Signs an EIP-712 message.
    ///
    /// # Errors
    /// [`Code::NoSigner`] when there is no signature; [`Code::PolicyDenied`] or [`Code::BudgetExceeded`] from one that is held
    /// to a policy.
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature>;
    /// Signs a transaction.
    ///
    /// # Errors
    /// As [`Key::sign_authorization`].
    async fn sign_call(&self, tx: &TxEip1559) -> Result<Signature>;
}

#[async_trait]
impl<S: Signer + Send + Sync + ?Sized> Key for S {
    fn address(&self) -> Address {
        Signer::address(self)
    }
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature> {
        self.sign_hash(&message.digest()).await.map_err(|_| no_signature())
    }
    async fn sign_call(&self, tx: &TxEip1559) -> Result<Signature> {
        self.sign_hash(&tx.signature_hash()).await.map_err(|_| no_signature())
    }
}

/// The signer's own words stay out: nothing is known of what they quote.
pub(crate) fn no_signature() -> Error {
    Error::new(Code::NoSigner, Blame::Caller, Next::Later).detail("the signer gave no signature")
}

/// Has a message signed, and checks that the signature is the key's own.
///
/// # Errors
/// Those of [`Key::sign_authorization`]; [`Code::BadKey`] from a signer that answers for another key, which the seller would
/// find out otherwise.
pub async fn authorize(key: &dyn Key, message: &Message<'_>) -> Result<[u8; 65]> {
    let signature = key.sign_authorization(message).await?.as_bytes();
    match Form::from(signature).check(&message.digest(), key.address()) {
        Check::Key(rsv) => Ok(rsv),
        Check::AskAccount(_) => Err(Error::caller(Code::BadKey).detail("the signer signs for another key")),
    }
}
