//! Making encrypted keystore files (Web3 Secret Storage), which [`LocalKey::from_keystore`] opens.

use crate::LocalKey;
use alloy::signers::k256::elliptic_curve::rand_core::{OsRng, RngCore};
use alloy::signers::local::PrivateKeySigner;
use std::path::Path;
use tollway_core::{Code, Error, Result};
use zeroize::Zeroizing;

/// The file's name while it is being written.
const DRAFT: &str = "key.json";

impl LocalKey {
    /// A new secret from the operating system's generator.
    ///
    /// # Errors
    /// [`Code::Internal`] when the generator gives none.
    pub fn fresh() -> Result<Zeroizing<[u8; 32]>> {
        let mut secret = Zeroizing::new([0u8; 32]);
        let failed = |_| Error::us(Code::Internal).detail("the system gives no randomness");
        OsRng.try_fill_bytes(secret.as_mut_slice()).map_err(failed)?;
        // Nearly every number lies on the curve; one that does not is a broken generator.
        Self::from_bytes(&secret)?;
        Ok(secret)
    }

    /// Encrypts a secret into the folder `draft`, which only this user may read, and moves it to `path`, which must not be
    /// there yet and lie on the same disk. Slow by design: call it from a blocking task.
    ///
    /// # Errors
    /// [`Code::BadKey`] when something is at `path` already or it cannot be written; never with the password in it.
    pub fn create_keystore(draft: &Path, path: &Path, secret: &[u8; 32], password: &str) -> Result<Self> {
        let bad = |why: String| Error::caller(Code::BadKey).detail(format!("{}: {why}", path.display()));
        let key = Self::from_bytes(secret)?;
        PrivateKeySigner::encrypt_keystore(draft, &mut OsRng, secret, password, Some(DRAFT))
            .map_err(|e| bad(format!("the keystore cannot be written: {e}")))?;
        let written = draft.join(DRAFT);
        private(&written).map_err(|e| bad(e.to_string()))?;
        // A link is made only where nothing is; a move would replace what is there.
        std::fs::hard_link(&written, path).map_err(|e| bad(e.to_string()))?;
        std::fs::remove_file(&written).map_err(|e| bad(e.to_string()))?;
        Ok(key)
    }
}

/// For this user alone.
fn private(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let _ = path;
    Ok(())
}
