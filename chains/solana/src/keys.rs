//! Private keys of this process. They stay in here: no key is ever shown, logged or part of an error.

use ed25519_dalek::{Signer as _, SigningKey};
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use solana_signer::{Signer, SignerError};
use std::fmt;
use std::io::Read;
use std::path::Path;
use tollway_core::{Code, Error, Result};
use zeroize::Zeroizing;

/// A key file is a list of 64 numbers; ten times that is none.
const FILE_BYTES_MAX: u64 = 4096;

/// A signer with the key in memory. Anything else that implements Solana's `Signer` (a KMS, a Ledger) fits wherever
/// this does; one that takes long says so by `is_interactive`, and is then asked away from the runtime's threads.
pub struct LocalKey {
    secret: SigningKey,
    address: Pubkey,
}

impl LocalKey {
    /// From either spelling that wallets export: 64 bytes in base58, or a list of 64 numbers in JSON.
    ///
    /// # Errors
    /// [`Code::BadKey`], without the key in it.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.starts_with('[') { Self::from_json(text) } else { Self::from_base58(text) }
    }

    /// From 64 bytes in base58: the secret and the public half, as wallets export them.
    ///
    /// # Errors
    /// [`Code::BadKey`], without the key in it.
    pub fn from_base58(text: &str) -> Result<Self> {
        let mut bytes = Zeroizing::new([0u8; 64]);
        let length = bs58::decode(text.trim()).onto(bytes.as_mut_slice());
        if length != Ok(64) {
            return Err(bad("a secret key is 64 bytes in base58, or a list of 64 numbers"));
        }
        Self::from_bytes(&bytes)
    }

    /// From a list of 64 numbers in JSON, as `solana-keygen` writes it.
    ///
    /// # Errors
    /// [`Code::BadKey`], without the key in it.
    pub fn from_json(text: &str) -> Result<Self> {
        let no = || bad("a key file is a list of 64 numbers from 0 to 255");
        let list: Zeroizing<Vec<u8>> = Zeroizing::new(serde_json::from_str(text).map_err(|_| no())?);
        let mut bytes = Zeroizing::new([0u8; 64]);
        if list.len() != bytes.len() {
            return Err(no());
        }
        bytes.copy_from_slice(&list);
        Self::from_bytes(&bytes)
    }

    /// From a file that `solana-keygen` wrote.
    ///
    /// # Errors
    /// [`Code::BadKey`] when it cannot be read; never with what is in it.
    pub fn from_file(path: &Path) -> Result<Self> {
        let no = |e: std::io::Error| bad(&format!("key file {}: {}", path.display(), e.kind()));
        let mut text = Zeroizing::new(String::new());
        let file = std::fs::File::open(path).map_err(no)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(no)?;
        Self::parse(&text)
    }

    /// From an environment variable that holds either spelling.
    ///
    /// # Errors
    /// [`Code::BadKey`] when it is not set or holds no key.
    pub fn from_env(name: &str) -> Result<Self> {
        let text = std::env::var(name).map_err(|_| bad(&format!("{name} is not set, or not text")))?;
        Self::parse(&Zeroizing::new(text))
    }

    /// From the secret and the public half, 32 bytes each.
    ///
    /// # Errors
    /// [`Code::BadKey`] when the halves do not belong together: whoever signs with such a pair gives the secret away.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self> {
        let (secret, public) = bytes.split_at(32);
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(secret.try_into().map_err(|_| bad("32 bytes"))?);
        let key = Self::from_secret(&secret);
        if key.address.as_ref() != public {
            return Err(bad("the public half does not belong to the secret one"));
        }
        Ok(key)
    }

    /// From the secret half alone.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(secret);
        let address = Pubkey::from(secret.verifying_key().to_bytes());
        Self { secret, address }
    }

    /// Whose key it is.
    pub fn address(&self) -> Pubkey {
        self.address
    }
}

fn bad(why: &str) -> Error {
    Error::caller(Code::BadKey).detail(why)
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.address)
    }
}

impl Signer for LocalKey {
    fn try_pubkey(&self) -> Result<Pubkey, SignerError> {
        Ok(self.address)
    }
    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(Signature::from(self.secret.sign(message).to_bytes()))
    }
    fn is_interactive(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use solana_keypair::Keypair;

    #[test]
    fn every_spelling_of_a_wallets_key_is_the_same_key_and_signs_as_the_wallet_does() {
        let theirs = Keypair::new_from_array([9; 32]);
        let base58 = theirs.to_base58_string();
        let json = format!("{:?}", theirs.to_bytes());
        for spelling in [base58.clone(), json, format!("  {base58}\n")] {
            let ours = LocalKey::parse(&spelling).unwrap();
            assert_eq!(ours.address(), theirs.pubkey());
            assert_eq!(ours.sign_message(b"pay"), theirs.sign_message(b"pay"));
        }
    }

    #[test]
    fn a_key_is_never_shown_and_a_bad_one_is_refused_without_it() {
        let theirs = Keypair::new_from_array([9; 32]);
        let base58 = theirs.to_base58_string();
        let key = LocalKey::from_base58(&base58).unwrap();
        assert!(!format!("{key:?}").contains(&base58[..10]));
        let mut torn = theirs.to_bytes();
        torn[63] ^= 1;
        let json = format!("{:?}", theirs.to_bytes());
        let texts =
            [base58[..60].to_owned(), format!("{torn:?}"), json.replace("9, 9,", "9,"), String::new()];
        for text in texts {
            let error = LocalKey::parse(&text).unwrap_err();
            assert_eq!(error.code, Code::BadKey);
            assert!(
                !error.to_string().contains("9, 9, 9") && !error.to_string().contains(&base58[..10]),
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_file_is_read_and_a_missing_one_says_which() {
        let file = std::env::temp_dir().join(format!("tollway-solana-key-{}.json", std::process::id()));
        let theirs = Keypair::new_from_array([5; 32]);
        std::fs::write(&file, format!("{:?}", theirs.to_bytes())).unwrap();
        let read = LocalKey::from_file(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read.unwrap().address(), theirs.pubkey());
        let error = LocalKey::from_file(&file).unwrap_err();
        assert!(error.detail.contains("tollway-solana-key"), "{error}");
        assert_eq!(LocalKey::from_env("TOLLWAY_NO_SUCH_VARIABLE").unwrap_err().code, Code::BadKey);
    }
}
