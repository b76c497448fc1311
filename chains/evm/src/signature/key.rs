//! ECDSA signatures of plain accounts, by libsecp256k1. No heap allocation.

use alloy::primitives::{Address, B256, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey};
use tollway_core::{Code, Error, Result};

/// Bytes of a plain account's signature: `r`, `s`, `v`.
pub const SIGNATURE_BYTES: usize = 65;

/// Half of the curve's order, big endian. A signature whose `s` is above it is the malleable twin of one whose `s`
/// is below; tokens refuse it, so it is refused here, before it costs gas.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d,
    0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Who signed `digest`. `v` may be 0, 1, 27 or 28.
///
/// # Errors
/// [`Code::InvalidSignature`]: a wrong length, an unknown `v`, a high `s`, or no key that fits.
pub fn recover(digest: &B256, signature: &[u8]) -> Result<Address> {
    let (compact, v) = split(signature)?;
    let id = match v {
        0 | 27 => RecoveryId::Zero,
        1 | 28 => RecoveryId::One,
        other => return Err(bad(&format!("v is {other}; 0, 1, 27 or 28 are known"))),
    };
    if compact.get(32..).is_none_or(|s| s > HALF_ORDER.as_slice()) {
        return Err(bad("s is in the upper half of the curve's order"));
    }
    let signature =
        RecoverableSignature::from_compact(compact, id).map_err(|_| bad("r or s out of range"))?;
    let key = signature
        .recover_ecdsa(Message::from_digest(digest.0))
        .map_err(|_| bad("no key could have made it"))?;
    Ok(address_of(&key))
}

/// EIP-2098: 64 bytes, with the parity in the highest bit of `s`, as `r`, `s`, `v` with `v` 27 or 28.
pub fn expand(compact: &[u8; 64]) -> [u8; SIGNATURE_BYTES] {
    let mut all = [27; SIGNATURE_BYTES];
    let [rs @ .., v] = &mut all;
    rs.copy_from_slice(compact);
    if let Some(top) = rs.get_mut(32) {
        *v = if *top & 0x80 == 0 { 27 } else { 28 };
        *top &= 0x7f;
    }
    all
}

/// The address of a public key.
pub(crate) fn address_of(key: &PublicKey) -> Address {
    let bytes = key.serialize_uncompressed();
    let hash = keccak256(bytes.get(1..).unwrap_or_default());
    Address::from_word(hash)
}

fn split(signature: &[u8]) -> Result<(&[u8], u8)> {
    match signature.split_last() {
        Some((v, compact)) if compact.len() == 64 => Ok((compact, *v)),
        _ => {
            Err(bad(&format!("{} bytes; a plain account's signature has {SIGNATURE_BYTES}", signature.len())))
        }
    }
}

fn bad(why: &str) -> Error {
    Error::payer(Code::InvalidSignature).detail(format!("signature: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::LocalKey;
    use proptest::prelude::*;

    fn key(seed: [u8; 32]) -> Option<LocalKey> {
        LocalKey::from_bytes(&seed).ok()
    }

    proptest! {
        #[test]
        fn who_signed_is_who_is_recovered(seed: [u8; 32], digest: [u8; 32]) {
            let Some(key) = key(seed) else { return Ok(()) };
            let digest = B256::from(digest);
            let mut bytes = key.sign(&digest).as_bytes();
            prop_assert_eq!(recover(&digest, &bytes), Ok(key.address()));
            bytes[64] -= 27;
            prop_assert_eq!(recover(&digest, &bytes), Ok(key.address()));
        }

        #[test]
        fn the_malleable_twin_is_refused(seed: [u8; 32], digest: [u8; 32]) {
            let Some(key) = key(seed) else { return Ok(()) };
            let digest = B256::from(digest);
            let signature = key.sign(&digest);
            let order = alloy::primitives::U256::from_be_bytes(HALF_ORDER) * alloy::primitives::U256::from(2)
                + alloy::primitives::U256::from(1);
            let twin = alloy::primitives::Signature::new(signature.r(), order - signature.s(), !signature.v());
            prop_assert_eq!(recover(&digest, &twin.as_bytes()).unwrap_err().code, Code::InvalidSignature);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..140), digest: [u8; 32]) {
            let _ = recover(&B256::from(digest), &bytes);
        }
    }

    #[test]
    fn lengths_and_recovery_ids_are_checked() {
        let digest = B256::repeat_byte(7);
        for bytes in [vec![], vec![0; 64], vec![0; 66], vec![0; 65], vec![0xff; 65]] {
            assert_eq!(recover(&digest, &bytes).unwrap_err().code, Code::InvalidSignature);
        }
        let mut ok = key([7; 32]).unwrap().sign(&digest).as_bytes();
        ok[64] = 29;
        assert!(recover(&digest, &ok).unwrap_err().detail.contains("v is 29"));
    }
}
