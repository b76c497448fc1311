//! The same funded Solana accounts in every run.

use std::fmt;

use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};

use crate::accounts::Sizes;

/// What every key is derived from, before its role and number. Everybody can read this line, so everybody has the
/// keys: never send them real money.
const SEED: &str = "tollway devnet, public keys for development only: ";

/// An address and the key to it.
#[derive(Clone, PartialEq, Eq)]
pub struct SolanaAccount {
    address: String,
    key: [u8; 32],
}

impl SolanaAccount {
    pub(super) fn derive(role: &str, number: u32) -> Self {
        let key = Sha256::digest(format!("{SEED}{role} {number}")).into();
        let address = bs58::encode(SigningKey::from_bytes(&key).verifying_key()).into_string();
        Self { address, key }
    }

    /// The address in base58.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The key in base58, as wallets export it: 32 bytes of secret, then 32 of address. Public knowledge, like every
    /// key of a devnet.
    pub fn private_key(&self) -> String {
        bs58::encode(self.signing_key().to_keypair_bytes()).into_string()
    }

    pub(super) fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.key)
    }
}

impl fmt::Debug for SolanaAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SolanaAccount").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The accounts of the local Solana by role:
///
/// | role | starts with |
/// |---|---|
/// | payer `i` | 10 SOL, 10,000 of each token |
/// | merchant `i` | 1 SOL; 100 of each token when `i` is even, no token account when odd |
/// | settler `i` (pays the fees) | 1,000 SOL, no token account |
///
/// How many there are of each is what the builder says, as for the other chains.
#[derive(Debug, Clone)]
pub struct SolanaAccounts {
    payers: Vec<SolanaAccount>,
    merchants: Vec<SolanaAccount>,
    settlers: Vec<SolanaAccount>,
}

impl SolanaAccounts {
    pub(crate) fn derive(sizes: Sizes) -> Self {
        let role =
            |name: &str, count: u32| (0..count.max(1)).map(|i| SolanaAccount::derive(name, i)).collect();
        Self {
            payers: role("payer", sizes.payers),
            merchants: role("merchant", sizes.merchants),
            settlers: role("settler", sizes.settlers),
        }
    }

    /// The payer number `i`, counted around when there are fewer.
    pub fn payer(&self, i: usize) -> &SolanaAccount {
        &self.payers[i % self.payers.len()]
    }

    /// The merchant number `i`, counted around when there are fewer.
    pub fn merchant(&self, i: usize) -> &SolanaAccount {
        &self.merchants[i % self.merchants.len()]
    }

    /// The settler (a facilitator's fee payer) number `i`, counted around when there are fewer.
    pub fn settler(&self, i: usize) -> &SolanaAccount {
        &self.settlers[i % self.settlers.len()]
    }

    /// All payers.
    pub fn payers(&self) -> &[SolanaAccount] {
        &self.payers
    }

    /// All merchants.
    pub fn merchants(&self) -> &[SolanaAccount] {
        &self.merchants
    }

    /// All settlers.
    pub fn settlers(&self) -> &[SolanaAccount] {
        &self.settlers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_in_every_run_and_stay_out_of_debug() {
        let accounts = SolanaAccounts::derive(Sizes { payers: 2, merchants: 1, settlers: 1 });
        assert_eq!(accounts.payer(2), accounts.payer(0));
        assert_ne!(accounts.payer(1), accounts.payer(0));
        assert_ne!(accounts.merchant(0).address(), accounts.settler(0).address());
        let key = accounts.payer(0).private_key();
        let bytes = bs58::decode(&key).into_vec().unwrap();
        assert_eq!(bs58::encode(&bytes[32..]).into_string(), accounts.payer(0).address());
        assert!(!format!("{accounts:?}").contains(&key));
    }
}
