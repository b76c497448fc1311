//! Reads private keys from where the configuration says they are; never from an argument.

use crate::config::Key;
use crate::exit::{Failure, Outcome};
use tollway::evm::LocalKey;

/// Reads one key.
pub(crate) fn read(key: &Key) -> Outcome<LocalKey> {
    match key {
        Key::Env { env } => {
            let text = std::env::var(env).map_err(|_| {
                Failure::usage(format!(
                    "the key is configured to be in the environment variable {env}, which is not set"
                ))
            })?;
            Ok(LocalKey::from_hex(&text)?)
        }
        Key::Keystore { keystore, password_env } => {
            let password = std::env::var(password_env).map_err(|_| {
                Failure::usage(format!(
                    "the password of {} is configured to be in the environment variable {password_env}, which is not set",
                    keystore.display()
                ))
            })?;
            Ok(LocalKey::from_keystore(keystore, &password)?)
        }
    }
}
