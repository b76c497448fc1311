//! The same funded accounts on every chain and in every run.

use std::fmt;

use alloy::signers::k256::ecdsa::SigningKey;
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::local::coins_bip39::{English, Mnemonic};

use crate::error::{DevnetError, Result};

/// The mnemonic that every account comes from: the well-known one of the Ethereum tools. Never send it real
/// money; programs watch these accounts on every public chain.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// How many accounts of each role are funded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) payers: u32,
    pub(crate) merchants: u32,
    pub(crate) settlers: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { payers: 10, merchants: 6, settlers: 8 }
    }
}

/// An address and the key to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    address: String,
    private_key: String,
}

impl Account {
    /// The checksummed address, with `0x`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The private key in hex, with `0x`. Public knowledge, like everything from [`MNEMONIC`].
    pub fn private_key(&self) -> &str {
        &self.private_key
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The accounts of a devnet by role, derived from [`MNEMONIC`] at `m/44'/60'/0'/0/n`:
///
/// | role | n | starts with |
/// |---|---|---|
/// | payer `i` | `i` | 10 native coins, 10,000 USDC and as much of each [other token](crate::TokenSpec) |
/// | merchant `i` | 1000 + `i` | 1 native coin; 100 USDC and as much of each other token when `i` is even, none when odd (a first payment costs more gas) |
/// | settler `i` | 2000 + `i` | 1,000 native coins, no USDC |
#[derive(Debug, Clone)]
pub struct Accounts {
    payers: Vec<Account>,
    merchants: Vec<Account>,
    settlers: Vec<Account>,
}

impl Accounts {
    pub(crate) fn derive(sizes: Sizes) -> Result<Self> {
        let account = wallet()?;
        let role =
            |first: u32, count: u32| (first..first + count.max(1)).map(&account).collect::<Result<_>>();
        Ok(Self {
            payers: role(0, sizes.payers)?,
            merchants: role(1000, sizes.merchants)?,
            settlers: role(2000, sizes.settlers)?,
        })
    }

    /// The payer number `i`, counted around when there are fewer.
    pub fn payer(&self, i: usize) -> &Account {
        around(&self.payers, i)
    }

    /// The merchant number `i`, counted around when there are fewer.
    pub fn merchant(&self, i: usize) -> &Account {
        around(&self.merchants, i)
    }

    /// The settler (a facilitator's signer) number `i`, counted around when there are fewer.
    pub fn settler(&self, i: usize) -> &Account {
        around(&self.settlers, i)
    }

    /// All payers.
    pub fn payers(&self) -> &[Account] {
        &self.payers
    }

    /// All merchants.
    pub fn merchants(&self) -> &[Account] {
        &self.merchants
    }

    /// All settlers.
    pub fn settlers(&self) -> &[Account] {
        &self.settlers
    }
}

fn around(accounts: &[Account], i: usize) -> &Account {
    &accounts[i % accounts.len()]
}

/// The wallet's accounts by number. Stretching the mnemonic is slow, and done once.
fn wallet() -> Result<impl Fn(u32) -> Result<Account>> {
    let mnemonic = Mnemonic::<English>::new_from_phrase(MNEMONIC).map_err(underivable)?;
    let parent = mnemonic.derive_key("m/44'/60'/0'/0", None).map_err(underivable)?;
    Ok(move |index: u32| {
        let key = parent.derive_path(index).map_err(underivable)?;
        let key: &SigningKey = key.as_ref();
        let signer = PrivateKeySigner::from_signing_key(key.clone());
        Ok(Account {
            address: signer.address().to_checksum(None),
            private_key: format!("0x{}", hex::encode(signer.to_bytes())),
        })
    })
}

fn underivable(error: impl fmt::Display) -> DevnetError {
    DevnetError::Runtime(format!("cannot derive the accounts: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::signers::local::MnemonicBuilder;

    #[test]
    fn roles_have_their_own_paths() {
        let accounts = Accounts::derive(Sizes::default()).unwrap();
        let ethers = |index| {
            let builder = MnemonicBuilder::<English>::default().phrase(MNEMONIC).index(index).unwrap();
            builder.build().unwrap().address().to_string()
        };
        assert_eq!(accounts.payer(3).address(), ethers(3));
        assert_eq!(accounts.merchant(1).address(), ethers(1001));
        assert_eq!(accounts.settler(2).address(), ethers(2002));
    }

    #[test]
    fn the_first_payer_is_the_well_known_first_account_and_its_key_stays_out_of_debug() {
        let accounts = Accounts::derive(Sizes { payers: 1, merchants: 1, settlers: 1 }).unwrap();
        assert_eq!(accounts.payer(0).address(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(accounts.payer(1), accounts.payer(0));
        assert!(!format!("{accounts:?}").contains("ac0974bec"));
    }
}
