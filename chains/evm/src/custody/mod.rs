//! Keys, and what stands between them and whoever wants a signature.
//!
//! Schemes and senders ask a [`Key`], never for a bare hash: they hand in what is to be signed, a [`Message`] or a whole
//! transaction, and the digest is computed here. Every signer of alloy's is a [`Key`]: [`crate::LocalKey`], AWS KMS, one's own.
//! A [`PolicySigner`] goes around any of them and reads what it is given before the key sees it.
//!
//! | part | what is there |
//! |---|---|
//! | [`Key`], [`authorize`] | the trait, and signing with the check that the signature is the key's own |
//! | [`Message`], [`TokenDomain`] | the EIP-712 messages that payments are made of |
//! | [`PolicySigner`] | a key that is held to a [`tollway_core::custody::KeyPolicy`] |
//! | `KmsKey` | with the feature `aws`: a key in AWS KMS |
//! | `DeviceKey` | with the feature `typed-data`, `ledger` or `trezor`: a key on a device |
//!
//! # Hardware wallets
//! A Ledger signs both payments and transactions; its Ethereum app (1.6 or newer) shows the hashes of typed data. A Trezor
//! signs transactions alone, as alloy's signer for it knows no typed data: it can settle, and it cannot pay. It blocks its
//! thread until somebody has pressed the button. Both are reached by libusb, whose source comes along (LGPL-2.1-or-later) and
//! is linked in where the system has none: whoever hands such a program on should know that.

#[cfg(feature = "typed-data")]
mod device;
mod key;
#[cfg(feature = "aws")]
pub mod kms;
mod message;
mod policy;
mod read;

#[cfg(feature = "ledger")]
pub use alloy_signer_ledger as ledger;
#[cfg(feature = "trezor")]
pub use alloy_signer_trezor as trezor;
#[cfg(feature = "typed-data")]
pub use device::DeviceKey;
pub use key::{Key, authorize};
#[cfg(feature = "aws")]
pub use kms::KmsKey;
pub use message::{Message, TokenDomain};
pub use policy::PolicySigner;
