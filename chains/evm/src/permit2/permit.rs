//! What is signed, and how it hashes.

use super::PERMIT2;
use crate::eip712::{digest, words};
use alloy::hex;
use alloy::primitives::{Address, B256, Keccak256, U256, b256, keccak256};
use std::sync::{PoisonError, RwLock};
use tollway_core::{ChainId, ReplayKey, Time};

/// `EIP712Domain(string name,uint256 chainId,address verifyingContract)`: Permit2's domain has no version.
const DOMAIN_TYPEHASH: B256 = b256!("8cad95687ba82c2ce50e74f7b754645e5117c3a5bec8151c0726d5857980a866");
/// `TokenPermissions(address token,uint256 amount)`
const PERMISSIONS: B256 = b256!("618358ac3db8dc274f0cd8829da7e234bd48cd73c4a740aede1adec9846d06a1");
/// `Witness(address to,uint256 validAfter)`
const EXACT_WITNESS: B256 = b256!("d97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37");
/// `Witness(address to,address facilitator,uint256 validAfter)`
const UPTO_WITNESS: B256 = b256!("d4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75");
/// `PermitWitnessTransferFrom(…)` with the exact witness.
const EXACT: B256 = b256!("ebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7");
/// `PermitWitnessTransferFrom(…)` with the upto witness.
const UPTO: B256 = b256!("51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee");

/// Separators kept; a process knows a few chains.
const CHAINS_MAX: usize = 64;

/// What the payer binds beside the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Witness {
    /// Who is paid.
    pub to: Address,
    /// Who alone may charge: the upto witness; `None`: the exact one.
    pub facilitator: Option<Address>,
    /// Valid from this second on.
    pub valid_after: U256,
}

impl Witness {
    /// The EIP-712 hash of the witness alone, as the proxy hands it to Permit2.
    pub fn hash(&self) -> B256 {
        let (to, after) = (self.to.into_word(), self.valid_after.into());
        match self.facilitator {
            None => words(&[EXACT_WITNESS, to, after]),
            Some(facilitator) => words(&[UPTO_WITNESS, to, facilitator.into_word(), after]),
        }
    }
}

/// A `PermitWitnessTransferFrom`, with who signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permit {
    /// Who pays, and signs.
    pub from: Address,
    /// The token.
    pub token: Address,
    /// The most that may be moved, in atomic units.
    pub amount: U256,
    /// Who may use the permit: one of x402's proxies.
    pub spender: Address,
    /// What makes it usable once: one bit of the payer's bitmap.
    pub nonce: U256,
    /// Valid up to and including this second.
    pub deadline: U256,
    /// What else is bound.
    pub witness: Witness,
}

impl Permit {
    /// What `from` signs, on a chain. Allocates nothing.
    pub fn digest(&self, chain_id: u64) -> B256 {
        let typehash = if self.witness.facilitator.is_some() { UPTO } else { EXACT };
        let permitted = words(&[PERMISSIONS, self.token.into_word(), self.amount.into()]);
        let hash = words(&[
            typehash,
            permitted,
            self.spender.into_word(),
            self.nonce.into(),
            self.deadline.into(),
            self.witness.hash(),
        ]);
        digest(&separator(chain_id), &hash)
    }

    /// The word of the payer's nonce bitmap, and the bit in it.
    pub fn place(&self) -> (U256, U256) {
        (self.nonce >> 8, U256::from(1) << (self.nonce & U256::from(0xff)))
    }

    /// Permit2 keeps one bitmap per payer, whatever the token and the spender: the key is payer and nonce.
    pub fn replay_key(&self, chain: ChainId) -> ReplayKey {
        let (mut from, mut nonce) = (hex::Buffer::<20, true>::new(), hex::Buffer::<32, true>::new());
        let (from, nonce) = (from.format(&self.from), nonce.format(&self.nonce.to_be_bytes::<32>()));
        ReplayKey(["permit2", chain.as_str(), from, nonce].join(":"))
    }

    /// The first moment at which it may be used, and the first at which it may not any more. Both are 256-bit seconds on
    /// chain; what does not fit is later than any real moment.
    pub fn window(&self) -> (Time, Time) {
        let moment = |secs: U256| u64::try_from(secs).map_or(Time::FAR, Time::from_secs);
        (moment(self.witness.valid_after), moment(self.deadline.saturating_add(U256::from(1))))
    }
}

/// The separator of Permit2's domain on a chain; hashed once per chain.
pub fn separator(chain_id: u64) -> B256 {
    static KNOWN: RwLock<Vec<(u64, B256)>> = RwLock::new(Vec::new());
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known.iter().find(|(id, _)| *id == chain_id) {
        return *found;
    }
    let room = known.len() < CHAINS_MAX;
    drop(known);
    let mut hasher = Keccak256::new();
    hasher.update(DOMAIN_TYPEHASH);
    hasher.update(keccak256("Permit2"));
    hasher.update(U256::from(chain_id).to_be_bytes::<32>());
    hasher.update(PERMIT2.into_word());
    let separator = hasher.finalize();
    if room {
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).push((chain_id, separator));
    }
    separator
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permit2::Proxy;
    use alloy::primitives::address;

    fn permit(proxy: Proxy, facilitator: Option<Address>) -> Permit {
        Permit {
            from: address!("0000000000000000000000000000000000001111"),
            token: address!("036CbD53842c5426634e7929541eC2318f3dCF7e"),
            amount: U256::from(10_000),
            spender: proxy.address(),
            nonce: U256::from(7),
            deadline: U256::from(1_740_672_154u64),
            witness: Witness {
                to: address!("0000000000000000000000000000000000003333"),
                facilitator,
                valid_after: U256::ZERO,
            },
        }
    }

    #[test]
    fn typehashes_are_those_of_their_types() {
        let permissions = "TokenPermissions(address token,uint256 amount)";
        let (exact, upto) = (
            "Witness(address to,uint256 validAfter)",
            "Witness(address to,address facilitator,uint256 validAfter)",
        );
        let whole = |witness: &str| {
            format!(
                "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,\
                 Witness witness){permissions}{witness}"
            )
        };
        let domain = "EIP712Domain(string name,uint256 chainId,address verifyingContract)";
        let types = [
            (domain.to_owned(), DOMAIN_TYPEHASH),
            (permissions.to_owned(), PERMISSIONS),
            (exact.to_owned(), EXACT_WITNESS),
            (upto.to_owned(), UPTO_WITNESS),
            (whole(exact), EXACT),
            (whole(upto), UPTO),
        ];
        for (text, hash) in types {
            assert_eq!(keccak256(&text), hash, "{text}");
        }
    }

    #[test]
    fn separators_are_the_golden_ones() {
        let base = b256!("3b6f35e4fce979ef8eac3bcdc8c3fc38fe7911bb0c69c8fe72bf1fd1a17e6f07");
        let sepolia = b256!("010f27a92fb9a32622f44f001dc4d15706a85b33499cfc2ce9033113ab26592c");
        for _ in 0..2 {
            assert_eq!((separator(8453), separator(84532)), (base, sepolia), "and again, from memory");
        }
    }

    #[test]
    fn digests_are_the_golden_ones() {
        let golden = b256!("c225c2f451785e67c13d7f5297b480bed6ffd0f4440dec88866ea28b6b668e70");
        assert_eq!(permit(Proxy::Exact, None).digest(84532), golden);
        let facilitator = Some(address!("0000000000000000000000000000000000005555"));
        let golden = b256!("6d8927dd4b2a4e4e14da496c0ec444819ac2e63bca08c2419af4fe3cfd5397ea");
        assert_eq!(permit(Proxy::Upto, facilitator).digest(84532), golden);
    }

    #[test]
    fn a_nonce_is_one_bit_of_one_word() {
        let at = |nonce| Permit { nonce, ..permit(Proxy::Exact, None) }.place();
        assert_eq!(at(U256::from(7)), (U256::ZERO, U256::from(128)));
        assert_eq!(at(U256::from(256)), (U256::from(1), U256::from(1)));
        assert_eq!(at(U256::MAX), (U256::MAX >> 8, U256::from(1) << 255));
    }

    #[test]
    fn the_replay_key_names_chain_payer_and_nonce_alone() {
        let chain = ChainId::new("eip155:84532").unwrap();
        let one = permit(Proxy::Exact, None);
        assert_eq!(
            one.replay_key(chain).0,
            format!("permit2:eip155:84532:0x{:0>40}:0x{:0>64}", "1111", "7"),
            "lowercase, whatever the payload's spelling"
        );
        let other = Permit { token: Address::ZERO, spender: Proxy::Upto.address(), ..one };
        assert_eq!(other.replay_key(chain), one.replay_key(chain), "Permit2 would take only one of them");
    }

    #[test]
    fn windows_of_any_size_are_clamped_and_never_wrap() {
        let mut one = permit(Proxy::Exact, None);
        assert_eq!(
            one.window(),
            (Time::ZERO, Time::from_secs(1_740_672_155)),
            "the deadline's second counts"
        );
        one.deadline = U256::MAX;
        one.witness.valid_after = U256::MAX;
        assert_eq!(one.window(), (Time::FAR, Time::FAR));
    }
}
