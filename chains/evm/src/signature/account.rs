//! Accounts with code: what kind, and how they are asked.

use crate::EvmCall;
use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall;

mod abi {
    alloy::sol! {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
    }
}

/// What a contract answers to say that a signature is its own. Source: ERC-1271.
pub const MAGIC_1271: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// What precedes the address that an account delegates to. Source: EIP-7702.
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];
/// Bytes of a delegation.
const DELEGATION_BYTES: usize = 23;

/// The code of an account, as far as it matters to whoever takes its signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountCode {
    /// None: only its key signs for it.
    Plain,
    /// EIP-7702: a key, and the code of this other account. It may change with any block.
    Delegated(Address),
    /// A contract, with the hash of its code. A proxy keeps its hash whatever stands behind it.
    Contract(B256),
}

impl AccountCode {
    /// From the code's size, its hash and its first bytes, as the EVM's `EXTCODE…` instructions tell them.
    pub(crate) fn of(size: usize, hash: B256, start: &[u8]) -> Self {
        match start.get(..DELEGATION_BYTES).and_then(|code| code.strip_prefix(&DELEGATION)) {
            Some(to) if size == DELEGATION_BYTES => Self::Delegated(Address::from_slice(to)),
            _ if size == 0 => Self::Plain,
            _ => Self::Contract(hash),
        }
    }

    /// True where code is asked about signatures, and not the key.
    pub fn judges(&self) -> bool {
        !matches!(self, Self::Plain)
    }
}

/// The question to an account with code. Source: ERC-1271.
pub fn is_valid_signature(account: Address, digest: B256, signature: &[u8]) -> EvmCall {
    let signature = Bytes::copy_from_slice(signature);
    EvmCall { to: account, data: abi::isValidSignatureCall { hash: digest, signature }.abi_encode().into() }
}

/// True when that is the answer that says yes: the magic, and nothing after it in its word.
pub fn says_valid(answer: &[u8]) -> bool {
    let padded = answer.get(..32).and_then(|word| word.strip_prefix(&MAGIC_1271));
    padded.is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_a_delegation_and_from_none() {
        let to = Address::repeat_byte(9);
        let designator = [&DELEGATION[..], to.as_slice()].concat();
        let hash = B256::repeat_byte(1);
        assert_eq!(AccountCode::of(23, hash, &designator), AccountCode::Delegated(to));
        assert_eq!(AccountCode::of(24, hash, &designator), AccountCode::Contract(hash));
        assert_eq!(AccountCode::of(23, hash, &[0x60; 23]), AccountCode::Contract(hash));
        assert_eq!(AccountCode::of(1, hash, &[0x60]), AccountCode::Contract(hash));
        assert_eq!(AccountCode::of(0, hash, &[0; 23]), AccountCode::Plain);
    }

    #[test]
    fn only_the_magic_in_a_whole_word_says_yes() {
        let word = |start: &[u8]| [start, &vec![0; 32 - start.len()]].concat();
        assert!(says_valid(&word(&MAGIC_1271)));
        for no in
            [vec![], MAGIC_1271.to_vec(), word(&[0xff; 4]), word(&[0x16, 0x26, 0xba, 0x7e, 1]), vec![0; 32]]
        {
            assert!(!says_valid(&no), "{no:?}");
        }
        let asked = is_valid_signature(Address::ZERO, B256::ZERO, &[1; 65]);
        assert_eq!(asked.data.get(..4), Some(&MAGIC_1271[..]), "the magic is the question's own selector");
    }
}
