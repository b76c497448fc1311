//! Private keys of this process. They stay in here: no key is ever shown, logged or part of an error.

use crate::signature::address_of;
use alloy::consensus::SignableTransaction;
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, ChainId, Signature, U256};
use alloy::signers::Signer;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SecretKey};
use std::fmt;
use std::path::Path;
use tollway_core::{Code, Error, Result};
use zeroize::Zeroizing;

/// A signer with the key in memory, over libsecp256k1. Anything else that implements alloy's `Signer` (a KMS, a
/// Ledger) fits wherever this does.
pub struct LocalKey {
    secret: SecretKey,
    address: Address,
    chain_id: Option<ChainId>,
}

impl LocalKey {
    /// From 64 hex digits, with or without `0x`.
    ///
    /// # Errors
    /// [`Code::BadKey`], without the key in it.
    pub fn from_hex(text: &str) -> Result<Self> {
        let digits = text.trim();
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let mut bytes = Zeroizing::new([0u8; 32]);
        hex::decode_to_slice(digits, bytes.as_mut_slice())
            .map_err(|_| bad("a private key is 64 hex digits, with or without 0x"))?;
        Self::from_bytes(&bytes)
    }

    /// From 32 bytes, big endian.
    ///
    /// # Errors
    /// [`Code::BadKey`] for zero and for what lies beyond the curve's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let secret = SecretKey::from_secret_bytes(*bytes).map_err(|_| bad("no number on the curve"))?;
        let address = address_of(&secret.public_key());
        Ok(Self { secret, address, chain_id: None })
    }

    /// From an encrypted keystore file (Web3 Secret Storage), as `cast wallet` and geth write them. Slow by design:
    /// call it from a blocking task.
    ///
    /// # Errors
    /// [`Code::BadKey`] when the file cannot be read or the password is wrong; never with the password in it.
    pub fn from_keystore(path: &Path, password: &str) -> Result<Self> {
        let signer = alloy::signers::local::PrivateKeySigner::decrypt_keystore(path, password)
            .map_err(|e| bad(&format!("keystore {}: {e}", path.display())))?;
        let bytes = Zeroizing::new(signer.to_bytes().0);
        Self::from_bytes(&bytes)
    }

    /// Whose key it is.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest. Deterministic (RFC 6979), low `s`.
    pub fn sign(&self, digest: &B256) -> Signature {
        let signed =
            RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest.0), &self.secret);
        let (id, compact) = signed.serialize_compact();
        let (r, s) = compact.split_at(32);
        Signature::new(U256::from_be_slice(r), U256::from_be_slice(s), id == RecoveryId::One)
    }
}

fn bad(why: &str) -> Error {
    Error::caller(Code::BadKey).detail(why)
}

impl Drop for LocalKey {
    fn drop(&mut self) {
        self.secret.non_secure_erase();
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.address)
    }
}

#[async_trait::async_trait]
impl Signer for LocalKey {
    async fn sign_hash(&self, hash: &B256) -> alloy::signers::Result<Signature> {
        Ok(self.sign(hash))
    }
    fn address(&self) -> Address {
        self.address
    }
    fn chain_id(&self) -> Option<ChainId> {
        self.chain_id
    }
    fn set_chain_id(&mut self, chain_id: Option<ChainId>) {
        self.chain_id = chain_id;
    }
}

#[async_trait::async_trait]
impl TxSigner<Signature> for LocalKey {
    fn address(&self) -> Address {
        self.address
    }
    async fn sign_transaction(
        &self,
        tx: &mut dyn SignableTransaction<Signature>,
    ) -> alloy::signers::Result<Signature> {
        if let Some(chain_id) = self.chain_id
            && !tx.set_chain_id_checked(chain_id)
        {
            let tx = tx.chain_id().unwrap_or_default();
            return Err(alloy::signers::Error::TransactionChainIdMismatch { signer: chain_id, tx });
        }
        Ok(self.sign(&tx.signature_hash()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn the_well_known_key_has_the_well_known_address_and_is_never_shown() {
        let key = LocalKey::from_hex(KEY).unwrap();
        assert_eq!(key.address().to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert!(!format!("{key:?}").contains("ac0974"));
        let error = LocalKey::from_hex(&KEY[..40]).unwrap_err();
        assert_eq!(error.code, Code::BadKey);
        assert!(!error.to_string().contains("ac0974"));
        assert!(LocalKey::from_bytes(&[0; 32]).is_err());
    }

    #[test]
    fn it_signs_as_alloys_own_signer_does() {
        let ours = LocalKey::from_hex(KEY).unwrap();
        let theirs: alloy::signers::local::PrivateKeySigner = KEY.parse().unwrap();
        let digest = B256::repeat_byte(3);
        let signed = alloy::signers::SignerSync::sign_hash_sync(&theirs, &digest).unwrap();
        assert_eq!(ours.sign(&digest), signed);
    }
}
