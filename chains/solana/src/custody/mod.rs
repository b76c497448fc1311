//! Keys that are held to a policy, and asking a key without standing in anybody's way.
//!
//! A [`PolicySigner`] goes around any signer of Solana's. It reads the message itself: which instructions name its key, and
//! what those do. One that does not name the key cannot act in its name.

mod policy;
mod read;

pub use policy::PolicySigner;

use solana_signature::Signature;
use solana_signer::{Signer, SignerError};
use std::sync::Arc;
use tollway_core::{Blame, Code, Error, Next, Result};

/// Signs here, or away from the runtime's threads where it may take long.
///
/// # Errors
/// [`Code::NoSigner`] with this blame; [`Code::PolicyDenied`], [`Code::BudgetExceeded`] and the ledger's from a
/// [`PolicySigner`].
pub async fn sign(signer: &Arc<dyn Signer + Send + Sync>, message: &[u8], blame: Blame) -> Result<Signature> {
    let signed = if signer.is_interactive() {
        let (signer, message) = (Arc::clone(signer), message.to_vec());
        let signing = tokio::task::spawn_blocking(move || signer.try_sign_message(&message));
        signing.await.unwrap_or_else(|_| Err(SignerError::Custom(String::new())))
    } else {
        signer.try_sign_message(message)
    };
    signed.map_err(|why| {
        refused(&why).unwrap_or_else(|| {
            // The signer's own words are not passed on: nobody knows what they hold.
            Error::new(Code::NoSigner, blame, Next::Later).detail("the signer gave no signature")
        })
    })
}

/// How a [`PolicySigner`] spells its refusals, as Solana's trait knows only text.
const REFUSED: &str = "tollway policy ";

fn spell(error: &Error) -> SignerError {
    SignerError::Custom(format!("{REFUSED}{}: {}", error.code, error.detail))
}

fn refused(why: &SignerError) -> Option<Error> {
    let SignerError::Custom(text) = why else { return None };
    let (code, words) = text.strip_prefix(REFUSED)?.split_once(": ")?;
    let codes = [
        (Code::PolicyDenied, Blame::Payer, Next::OtherRoute),
        (Code::BudgetExceeded, Blame::Payer, Next::OtherRoute),
        (Code::LedgerFailed, Blame::Us, Next::Later),
    ];
    let known = codes.into_iter().find(|(known, ..)| known.to_string() == code);
    let (code, blame, next) = known.unwrap_or((Code::NoSigner, Blame::Us, Next::Later));
    Some(Error::new(code, blame, next).detail(words))
}
