use arrayvec::ArrayString;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tollway_core::{
    Account, ChainId, Code, Dice, Error, Family, KnownAsset, KnownNetwork, Result, ids::KEY_BYTES_MAX,
};

/// The family of simulated chains: addresses are `0x` and 40 hex digits, in any case; capitals are emitted.
pub const FAMILY: Family = Family {
    namespace: "sim",
    address,
    display: |canonical| format!("0x{}", canonical.trim_start_matches("0x").to_ascii_uppercase()),
    networks: &[known("sim:1", "Sim One", "sim"), known("sim:2", "Sim Two", "sim-two")],
    assets: &[KnownAsset {
        chain: "sim:1",
        key: "0x00000000000000000000000000000000000000c1",
        symbol: "TUSD",
        decimals: 6,
        extra: &[("name", "Test Dollar"), ("version", "1")],
    }],
};

const fn known(chain: &'static str, title: &'static str, v1_name: &'static str) -> KnownNetwork {
    KnownNetwork { chain, title, v1_name: Some(v1_name), coin: "SIM", coin_decimals: 18, testnet: true }
}

fn address(text: &str) -> Result<ArrayString<KEY_BYTES_MAX>> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let hex = hex.filter(|hex| hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let canonical = hex.map(|hex| format!("0x{}", hex.to_ascii_lowercase()));
    canonical.and_then(|text| ArrayString::from(&text).ok()).ok_or_else(|| {
        Error::payee(Code::InvalidAddress)
            .detail(format!("a sim address is 0x and 40 hex digits, not {} bytes of something", text.len()))
    })
}

/// The account that goes by a name, for tests: `account(chain, "seller")`. Nobody has a key to it.
///
/// # Errors
/// None that a valid chain id can cause.
pub fn account(chain: ChainId, name: &str) -> Result<Account> {
    address_of(chain, Sha256::digest(name).as_slice())
}

fn address_of(chain: ChainId, hash: &[u8]) -> Result<Account> {
    let hex = hex::encode(hash.get(..20).unwrap_or_default());
    Account::new(chain, &format!("0x{hex}"))
}

/// A key that signs on simulated chains. Toy cryptography: the chain itself knows the secret and compares.
///
/// A signature says nothing to whoever has not got the chain at hand, and nobody without the key can make one that the
/// chain accepts. `Debug` shows the address alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SimKey {
    secret: [u8; 32],
}

impl fmt::Debug for SimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimKey(0x{})", hex::encode(self.public().get(..20).unwrap_or_default()))
    }
}

impl SimKey {
    /// From its secret.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }
    /// The key that goes by a name, the same every time.
    pub fn named(name: &str) -> Self {
        Self::new(hash(&[b"key", name.as_bytes()]))
    }
    /// Any key.
    pub fn roll(dice: &dyn Dice) -> Self {
        let mut secret = [0; 32];
        dice.fill(&mut secret);
        Self::new(secret)
    }
    /// Its account on a chain.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn account(&self, chain: ChainId) -> Result<Account> {
        address_of(chain, &self.public())
    }
    /// Signs a message; the same message gives the same 32 bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        hash(&[&self.secret, &hash(&[&self.secret, message])])
    }
    /// The secret itself, for tests that look for it where it must not be.
    pub const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
    fn public(&self) -> [u8; 32] {
        hash(&[b"public", &self.secret])
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// The keys that a chain checks signatures with.
#[derive(Default)]
pub(super) struct Keys {
    known: Mutex<BTreeMap<Account, SimKey>>,
}

impl Keys {
    pub(super) fn add(&self, account: Account, key: SimKey) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(account, key);
    }
    pub(super) fn signed(&self, who: &Account, message: &[u8], signature: &[u8]) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(who).is_some_and(|key| key.sign(message).as_slice() == signature)
    }
}
