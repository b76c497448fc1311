//! Reads private keys from where the configuration says they are; never from an argument.

use crate::config::Key;
use crate::exit::{Failure, Outcome};
use tollway::nodes::Keys;
use zeroize::Zeroizing;

/// Reads what is in one place.
pub(crate) fn read(key: &Key) -> Outcome<Keys> {
    match key {
        Key::Env { env } => {
            let text = std::env::var(env).map(Zeroizing::new).map_err(|_| {
                Failure::usage(format!(
                    "the key is configured to be in the environment variable {env}, which is not set"
                ))
            })?;
            Ok(Keys::read(&text)?)
        }
        Key::File { file } => {
            let text = std::fs::read_to_string(file)
                .map(Zeroizing::new)
                .map_err(|e| Failure::usage(format!("cannot read the key in {}: {e}", file.display())))?;
            Ok(Keys::read(&text)?)
        }
        Key::Keystore { keystore, password_env } => {
            let password = std::env::var(password_env).map(Zeroizing::new).map_err(|_| {
                Failure::usage(format!(
                    "the password of {} is configured to be in the environment variable {password_env}, which is not set",
                    keystore.display()
                ))
            })?;
            Ok(Keys::keystore(keystore, &password)?)
        }
    }
}
