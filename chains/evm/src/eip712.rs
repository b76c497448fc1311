//! EIP-712 as EIP-3009 tokens use it: domain separators, digests, and whether a peer's domain is the token's own.
//!
//! A digest is three keccak permutations over buffers on the stack; nothing is allocated. Separators are hashed once
//! per token and kept.

use crate::address;
use crate::family::FAMILY;
use alloy::primitives::{Address, B256, Keccak256, U256, b256, keccak256};
use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use tollway_core::{AssetId, Code, Error, KnownAsset, Result};

/// `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`
pub const DOMAIN_TYPEHASH: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");
/// `TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)`
pub const TRANSFER_TYPEHASH: B256 = b256!("7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");
/// `ReceiveWithAuthorization(…)` with the same fields.
pub const RECEIVE_TYPEHASH: B256 = b256!("d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8");

/// `CancelAuthorization(address authorizer,bytes32 nonce)`. Source: EIP-3009.
pub const CANCEL_TYPEHASH: B256 = b256!("158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429");

/// Separators of tokens outside the table that are remembered; more are hashed each time.
const REMEMBERED_MAX: usize = 4096;
/// The longest name and version, together, that are remembered: a peer chooses them, and they would be kept.
const WORDS_MAX: usize = 256;

/// What an EIP-3009 authorization says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Who pays.
    pub from: Address,
    /// Who is paid.
    pub to: Address,
    /// How much, in atomic units.
    pub value: U256,
    /// Valid after this second.
    pub valid_after: U256,
    /// Valid before this second.
    pub valid_before: U256,
    /// What makes it usable once.
    pub nonce: B256,
}

impl Transfer {
    /// What `from` signs to let anybody make the transfer.
    pub fn digest(&self, separator: &B256) -> B256 {
        digest(separator, &self.hash(&TRANSFER_TYPEHASH))
    }
    /// What `from` signs to let only `to` make the transfer.
    pub fn receive_digest(&self, separator: &B256) -> B256 {
        digest(separator, &self.hash(&RECEIVE_TYPEHASH))
    }
    fn hash(&self, typehash: &B256) -> B256 {
        words(&[
            *typehash,
            self.from.into_word(),
            self.to.into_word(),
            self.value.into(),
            self.valid_after.into(),
            self.valid_before.into(),
            self.nonce,
        ])
    }
}

/// What an authorizer signs to take an unused authorization back.
pub fn cancel_digest(separator: &B256, authorizer: Address, nonce: B256) -> B256 {
    digest(separator, &words(&[CANCEL_TYPEHASH, authorizer.into_word(), nonce]))
}

/// The digest of a struct's hash under a domain: `keccak256(0x1901 ‖ separator ‖ hash)`.
pub fn digest(separator: &B256, struct_hash: &B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update([0x19, 0x01]);
    hasher.update(separator);
    hasher.update(struct_hash);
    hasher.finalize()
}

/// The hash of a struct whose members are all one word, its typehash first.
pub fn words(words: &[B256]) -> B256 {
    let mut hasher = Keccak256::new();
    for word in words {
        hasher.update(word);
    }
    hasher.finalize()
}

/// Hashes a domain's separator. [`separator`] remembers them.
pub fn hash_domain(name: &str, version: &str, chain_id: u64, token: Address) -> B256 {
    words(&[
        DOMAIN_TYPEHASH,
        keccak256(name),
        keccak256(version),
        U256::from(chain_id).into(),
        token.into_word(),
    ])
}

type Key = (u64, Address);

struct Remembered {
    name: Box<str>,
    version: Box<str>,
    separator: B256,
}

fn remembered() -> &'static RwLock<HashMap<Key, Remembered>> {
    static SEPARATORS: OnceLock<RwLock<HashMap<Key, Remembered>>> = OnceLock::new();
    SEPARATORS.get_or_init(RwLock::default)
}

/// The separator of a token's domain; hashed once per token and domain. Allocates only the first time.
pub fn separator(name: &str, version: &str, chain_id: u64, token: Address) -> B256 {
    let key = (chain_id, token);
    let fits = |r: &&Remembered| *r.name == *name && *r.version == *version;
    let known = remembered().read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(&key).filter(fits) {
        return found.separator;
    }
    let room = known.len() < REMEMBERED_MAX || known.contains_key(&key);
    let room = room && name.len().saturating_add(version.len()) <= WORDS_MAX;
    drop(known);
    let separator = hash_domain(name, version, chain_id, token);
    if room {
        let entry = Remembered { name: name.into(), version: version.into(), separator };
        remembered().write().unwrap_or_else(PoisonError::into_inner).insert(key, entry);
    }
    separator
}

/// How well a token's domain is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In the table; the domain agrees with it.
    Known(&'static KnownAsset),
    /// In no table: whether to trust the peer's word is the caller's policy.
    Unknown,
}

/// Checks the EIP-712 domain that a peer states for a token against the table. A peer that gets a payer to sign for
/// another domain gets a signature for another token.
///
/// # Errors
/// [`Code::MissingDomain`], [`Code::DomainNameMismatch`] or [`Code::DomainVersionMismatch`].
pub fn check_domain(asset: &AssetId, name: Option<&str>, version: Option<&str>) -> Result<Standing> {
    let (Some(name), Some(version)) = (name, version) else {
        return Err(Error::payee(Code::MissingDomain)
            .detail(format!("extra of {asset} needs `name` and `version` of the token's EIP-712 domain")));
    };
    let Some(known) = FAMILY.known(asset) else { return Ok(Standing::Unknown) };
    let says = |key| known.extra.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
    let contradicts = |code, what, stated: &str, real: &str| {
        Err(Error::payee(code)
            .detail(format!("{asset}: {what} is {stated:.64?} in extra, and really {real:?}")))
    };
    match (says("name"), says("version")) {
        (Some(real), _) if real != name => contradicts(Code::DomainNameMismatch, "name", name, real),
        (_, Some(real)) if real != version => {
            contradicts(Code::DomainVersionMismatch, "version", version, real)
        }
        _ => Ok(Standing::Known(known)),
    }
}

/// The separator of a token in the table.
///
/// # Errors
/// [`Code::UnknownAsset`] when it is in no table.
pub fn known_separator(asset: &AssetId) -> Result<B256> {
    let known = FAMILY.known(asset);
    let says = |key| known?.extra.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
    match (says("name"), says("version")) {
        (Some(name), Some(version)) => {
            Ok(separator(name, version, address::eip155(&asset.chain)?, address::parse(asset.key())?))
        }
        _ => Err(Error::caller(Code::UnknownAsset).detail(format!("no EIP-712 domain is known for {asset}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{address, b256};
    use tollway_core::ChainId;

    fn usdc(chain: &str, key: &str) -> AssetId {
        FAMILY.asset(ChainId::new(chain).unwrap(), key).unwrap()
    }

    #[test]
    fn typehashes_are_those_of_their_types() {
        let fields =
            "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        assert_eq!(keccak256(format!("TransferWithAuthorization{fields}")), TRANSFER_TYPEHASH);
        assert_eq!(keccak256(format!("ReceiveWithAuthorization{fields}")), RECEIVE_TYPEHASH);
        assert_eq!(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), CANCEL_TYPEHASH);
        let domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        assert_eq!(keccak256(domain), DOMAIN_TYPEHASH);
    }

    #[test]
    fn separators_are_the_golden_ones() {
        let base = usdc("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
        let golden = b256!("02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f");
        assert_eq!(known_separator(&base), Ok(golden));
        let sepolia = usdc("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e");
        let golden = b256!("71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818");
        assert_eq!(known_separator(&sepolia), Ok(golden));
        assert_eq!(known_separator(&sepolia), Ok(golden), "and again, from memory");
    }

    #[test]
    fn the_digest_is_the_golden_one() {
        let token = address!("036CbD53842c5426634e7929541eC2318f3dCF7e");
        let separator = separator("USDC", "2", 84532, token);
        let transfer = Transfer {
            from: address!("0000000000000000000000000000000000001111"),
            to: address!("0000000000000000000000000000000000003333"),
            value: U256::from(10_000),
            valid_after: U256::ZERO,
            valid_before: U256::from(1_740_672_154u64),
            nonce: b256!("f3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"),
        };
        let golden = b256!("c5df6db0d7fba7964bc0c71b492de80dd50b98b90976cacc4148c7730c2bfd7a");
        assert_eq!(transfer.digest(&separator), golden);
    }

    #[test]
    fn another_domain_under_the_same_token_is_not_taken_for_it() {
        let token = address!("00000000000000000000000000000000000000aa");
        let first = separator("A", "1", 1, token);
        let second = separator("B", "1", 1, token);
        assert_ne!(first, second);
        assert_eq!(separator("A", "1", 1, token), first);
    }

    #[test]
    fn words_of_any_length_are_hashed_and_only_short_ones_are_kept() {
        let (token, long) = (address!("00000000000000000000000000000000000000bb"), "n".repeat(100_000));
        let kept = || remembered().read().unwrap().contains_key(&(77, token));
        assert_eq!(separator(&long, "1", 77, token), hash_domain(&long, "1", 77, token));
        assert_eq!(separator("A", &long, 77, token), hash_domain("A", &long, 77, token));
        assert!(!kept(), "whoever names a token chooses its words; they are not ours to keep");
        assert_eq!(separator("A", "1", 77, token), hash_domain("A", "1", 77, token));
        assert!(kept());
    }

    #[test]
    fn a_domain_that_contradicts_the_table_is_refused() {
        let base = usdc("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
        let code = |name, version| check_domain(&base, name, version).map_err(|e| e.code);
        assert!(matches!(code(Some("USD Coin"), Some("2")), Ok(Standing::Known(_))));
        assert_eq!(code(Some("USDC"), Some("2")), Err(Code::DomainNameMismatch));
        assert_eq!(code(Some("USD Coin"), Some("1")), Err(Code::DomainVersionMismatch));
        assert_eq!(code(None, Some("2")), Err(Code::MissingDomain));
        let other = usdc("eip155:8453", "0x00000000000000000000000000000000000000ff");
        assert_eq!(check_domain(&other, Some("X"), Some("1")), Ok(Standing::Unknown));
        assert_eq!(known_separator(&other).unwrap_err().code, Code::UnknownAsset);
    }
}
