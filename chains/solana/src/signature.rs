//! Ed25519 signatures.

use ed25519_dalek::VerifyingKey;
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use tollway_core::{Code, Error, Result};

/// Checks that `signer` signed `message`, by the strict rules: canonical encodings, no key of small order. A chain's
/// simulation does not look at signatures, so this is the only look before money is spent on a transaction.
///
/// # Errors
/// [`Code::InvalidSignature`].
pub fn verify_strict(signer: &Pubkey, message: &[u8], signature: &Signature) -> Result<()> {
    let signed = VerifyingKey::from_bytes(signer.as_array()).and_then(|key| {
        key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature.as_array()))
    });
    signed.map_err(|_| Error::payer(Code::InvalidSignature).detail(format!("not signed by {signer}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    #[test]
    fn only_the_signer_of_the_very_message_passes() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signer = Pubkey::from(key.verifying_key().to_bytes());
        let signature = Signature::from(key.sign(b"pay").to_bytes());
        verify_strict(&signer, b"pay", &signature).unwrap();
        assert_eq!(verify_strict(&signer, b"pays", &signature).unwrap_err().code, Code::InvalidSignature);
        assert!(verify_strict(&Pubkey::from([1; 32]), b"pay", &signature).is_err());
        assert!(verify_strict(&signer, b"pay", &Signature::default()).is_err());
    }

    #[test]
    fn a_key_of_small_order_signs_nothing() {
        // The neutral element, under which the all-zero equation holds for any message without the strict rules.
        let mut neutral = [0u8; 32];
        neutral[0] = 1;
        let mut forged = [0u8; 64];
        forged[0] = 1;
        assert!(verify_strict(&Pubkey::from(neutral), b"anything", &Signature::from(forged)).is_err());
    }
}
