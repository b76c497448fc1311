//! What a payer's key is asked to sign: typed data, whole.

use crate::eip712::{Transfer, cancel_digest, separator};
use crate::permit2::{Eip2612, Permit};
use alloy::primitives::{Address, B256};
use std::borrow::Cow;

/// The EIP-712 domain of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDomain<'a> {
    /// The domain's `name`.
    pub name: Cow<'a, str>,
    /// Its `version`.
    pub version: Cow<'a, str>,
    /// Its `chainId`.
    pub chain_id: u64,
    /// Its `verifyingContract`: the token.
    pub token: Address,
}

impl TokenDomain<'_> {
    /// Its hash; computed once per token and domain.
    pub fn separator(&self) -> B256 {
        separator(&self.name, &self.version, self.chain_id, self.token)
    }
}

/// An EIP-712 message, as it is handed to a [`super::Key`]. Its types are fixed here, so what a signer reads is what its digest
/// is of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// `TransferWithAuthorization` of EIP-3009.
    Transfer {
        /// The token.
        token: TokenDomain<'a>,
        /// What is said.
        said: Transfer,
    },
    /// `CancelAuthorization` of EIP-3009: takes such a transfer back.
    Cancel {
        /// The token.
        token: TokenDomain<'a>,
        /// Whose authorization.
        authorizer: Address,
        /// Its nonce.
        nonce: B256,
    },
    /// `Permit` of EIP-2612: an allowance.
    Permit {
        /// The token.
        token: TokenDomain<'a>,
        /// What is said; its signature is not looked at.
        said: Cow<'a, Eip2612>,
    },
    /// `PermitWitnessTransferFrom` of Permit2, with a witness of x402's.
    Permit2 {
        /// The chain.
        chain_id: u64,
        /// What is said.
        said: Permit,
    },
}

impl Message<'_> {
    /// The chain that its domain names.
    pub fn chain_id(&self) -> u64 {
        match self {
            Self::Transfer { token, .. } | Self::Cancel { token, .. } | Self::Permit { token, .. } => {
                token.chain_id
            }
            Self::Permit2 { chain_id, .. } => *chain_id,
        }
    }

    /// The EIP-712 primary type.
    pub fn primary_type(&self) -> &'static str {
        match self {
            Self::Transfer { .. } => "TransferWithAuthorization",
            Self::Cancel { .. } => "CancelAuthorization",
            Self::Permit { .. } => "Permit",
            Self::Permit2 { .. } => "PermitWitnessTransferFrom",
        }
    }

    /// What is signed.
    pub fn digest(&self) -> B256 {
        match self {
            Self::Transfer { token, said } => said.digest(&token.separator()),
            Self::Cancel { token, authorizer, nonce } => {
                cancel_digest(&token.separator(), *authorizer, *nonce)
            }
            Self::Permit { token, said } => said.digest(&token.separator()),
            Self::Permit2 { chain_id, said } => said.digest(*chain_id),
        }
    }
}
