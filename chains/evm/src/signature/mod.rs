//! Signatures of every kind of account, and who has to be asked about them.
//!
//! | bytes | whose | who can tell |
//! |---|---|---|
//! | 65: `r ‖ s ‖ v`, `v` 0, 1, 27 or 28 | a plain account's key | anybody: the signer is [recovered](recover) |
//! | 64: EIP-2098 | the same, compact | the same |
//! | any, also those two | an account with code (ERC-1271) | its code, and so only the chain |
//! | ending in the word of ERC-6492 | an account that may not be deployed yet | a plain account's key, else its code, once the factory named in it has run |
//!
//! An account that delegates by EIP-7702 has a key *and* code. A token that knows ERC-1271 asks the code alone (USDC
//! does), so a signature by the key proves nothing there either: what the token says in a simulation decides.
//!
//! ```
//! use alloy::primitives::B256;
//! use tollway_evm::LocalKey;
//! use tollway_evm::signature::{Check, Signature};
//!
//! let (key, digest) = (LocalKey::from_bytes(&[7; 32])?, B256::repeat_byte(1));
//! let signature = Signature::read(&key.sign(&digest).as_bytes())?;
//! assert!(matches!(signature.check(&digest, key.address()), Check::Key(_)));
//! // Of another account it may still be one, by that account's code: only the chain knows.
//! assert!(matches!(signature.check(&digest, [9; 20].into()), Check::AskAccount(_)));
//! # Ok::<(), tollway_core::Error>(())
//! ```

mod account;
mod form;
mod key;
mod veil;

pub use account::{AccountCode, MAGIC_1271, is_valid_signature, says_valid};
pub use form::{BYTES_MAX, Check, Deployment, Signature};
pub(crate) use key::address_of;
pub use key::{SIGNATURE_BYTES, expand, recover};
pub use veil::veiled;
