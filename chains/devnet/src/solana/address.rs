//! Solana addresses: 32 bytes, written in base58.

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use crate::error::{DevnetError, Result};
use crate::solana::spec::ATA_PROGRAM;

/// The bytes of an address.
pub(super) fn bytes(address: &str) -> Result<[u8; 32]> {
    let decoded = bs58::decode(address).into_vec().ok();
    decoded.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| DevnetError::BadInput {
        what: "address",
        value: address.to_owned(),
        expected: "32 bytes in base58",
    })
}

/// The account that keeps `owner`'s tokens of `mint`.
pub(super) fn token_account(owner: &str, mint: &str, program: &str) -> Result<String> {
    let (owner, mint, program, derives) = (bytes(owner)?, bytes(mint)?, bytes(program)?, bytes(ATA_PROGRAM)?);
    let derived = (0..=u8::MAX).rev().find_map(|bump| {
        let mut hash = Sha256::new();
        for part in [&owner[..], &program, &mint, &[bump], &derives, b"ProgramDerivedAddress"] {
            hash.update(part);
        }
        let address: [u8; 32] = hash.finalize().into();
        // Nobody may hold the key of a derived address, so it must not be one.
        VerifyingKey::from_bytes(&address).is_err().then(|| bs58::encode(address).into_string())
    });
    derived.ok_or_else(|| DevnetError::Runtime("no token account can be derived".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solana::spec::SolanaToken;

    #[test]
    fn token_accounts_are_where_everybody_looks_for_them() {
        let owner = "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4";
        let SolanaToken { mint, program, .. } = SolanaToken::USDC;
        assert_eq!(
            token_account(owner, mint, program).unwrap(),
            "3XZXfFJHF5ox3yPop16oqYfSWxLpkjsEuvTe2S67G2rj"
        );
    }

    #[test]
    fn every_address_of_the_table_is_one() {
        for SolanaToken { mint, program, .. } in SolanaToken::ALL {
            assert!(bytes(mint).is_ok() && bytes(program).is_ok(), "{mint}");
        }
        assert!(bytes("0x12").is_err());
    }
}
