//! Keys that never leave AWS KMS.

use super::Key;
use super::Message;
use super::policy::transact;
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, Signature};
use alloy::signers::Signer;
use alloy::signers::aws::{AwsSigner, AwsSignerError};
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Next, Result, async_trait};

pub use aws_sdk_kms as sdk;

/// A key in AWS KMS: `ECC_SECG_P256K1`, for signing. It goes wherever a key in memory does.
///
/// Its errors have codes of their own: [`Code::TimedOut`] and [`Code::Unreachable`] when KMS does not answer,
/// [`Code::NoSigner`] when it refuses, [`Code::BadKey`] when the key is another kind of key, or none.
#[derive(Debug)]
pub struct KmsKey(AwsSigner);

impl KmsKey {
    /// The key of this id, ARN or alias, with region and credentials from the environment, the profile, or the machine, as AWS's
    /// own tools find them. One request may take so long, its retries included.
    ///
    /// # Errors
    /// See the type.
    pub async fn connect(key_id: &str, limit: Duration) -> Result<Self> {
        let limits = TimeoutConfig::builder().operation_timeout(limit).build();
        let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(limits).load().await;
        Self::with(aws_sdk_kms::Client::new(&config), key_id).await
    }

    /// The key of this id, by a client of one's own.
    ///
    /// # Errors
    /// See the type.
    pub async fn with(client: aws_sdk_kms::Client, key_id: &str) -> Result<Self> {
        AwsSigner::new(client, key_id.to_owned(), None).await.map(Self).map_err(|why| said(&why))
    }

    async fn sign(&self, digest: &B256) -> Result<Signature> {
        self.0.sign_hash(digest).await.map_err(|why| match &why {
            alloy::signers::Error::Other(other) => {
                other.downcast_ref::<AwsSignerError>().map_or_else(super::key::no_signature, said)
            }
            _ => super::key::no_signature(),
        })
    }
}

/// What KMS said, in our words: its own quote keys and accounts.
fn said(why: &AwsSignerError) -> Error {
    match why {
        AwsSignerError::Sign(why) => refused(why),
        AwsSignerError::GetPublicKey(why) => refused(why),
        AwsSignerError::K256(_) | AwsSignerError::Spki(_) | AwsSignerError::PublicKeyNotFound => {
            Error::caller(Code::BadKey).detail(
                "the key in KMS is none of ECC_SECG_P256K1, for SIGN_VERIFY; that kind would be right",
            )
        }
        _ => super::key::no_signature(),
    }
}

fn refused<E: ProvideErrorMetadata, R>(why: &SdkError<E, R>) -> Error {
    let words = |code: &str| format!("KMS says {code}");
    match why {
        SdkError::TimeoutError(_) => Error::network(Code::TimedOut).detail("KMS did not answer in time"),
        SdkError::DispatchFailure(failed) if failed.is_timeout() => {
            Error::network(Code::TimedOut).detail("KMS did not answer in time")
        }
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Error::network(Code::Unreachable)
            .detail("KMS cannot be reached, or has no credentials to be asked with"),
        SdkError::ServiceError(refusal) => match refusal.err().code() {
            Some(
                code @ ("NotFoundException" | "InvalidKeyUsageException" | "UnsupportedOperationException"),
            ) => Error::caller(Code::BadKey).detail(words(code)),
            Some(code @ ("ThrottlingException" | "KMSInternalException" | "DependencyTimeoutException")) => {
                Error::new(Code::NoSigner, Blame::Network, Next::Later).detail(words(code))
            }
            code => Error::caller(Code::NoSigner).detail(words(code.unwrap_or("nothing that is known"))),
        },
        _ => Error::caller(Code::NoSigner).detail("KMS could not be asked"),
    }
}

#[async_trait]
impl Key for KmsKey {
    fn address(&self) -> Address {
        Signer::address(&self.0)
    }
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature> {
        self.sign(&message.digest()).await
    }
    async fn sign_call(&self, tx: &TxEip1559) -> Result<Signature> {
        self.sign(&tx.signature_hash()).await
    }
}

#[async_trait]
impl TxSigner<Signature> for KmsKey {
    fn address(&self) -> Address {
        Signer::address(&self.0)
    }
    async fn sign_transaction(
        &self,
        tx: &mut dyn SignableTransaction<Signature>,
    ) -> alloy::signers::Result<Signature> {
        transact(self, tx).await
    }
}
