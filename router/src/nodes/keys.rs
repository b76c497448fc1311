//! Private keys by family. They are read here and stay in the chain crates' own types.

use super::held::Policies;
use std::fmt;
use std::path::Path;
#[cfg(any(feature = "evm", feature = "solana"))]
use std::sync::Arc;
use tollway_core::custody::KeyPolicy;
use tollway_core::{Code, Error, Result};

/// Keys of any family of networks, each in its own spelling: 64 hex digits on EVM, 64 bytes in base58 or as a JSON array
/// (as Solana's own tools write them) on Solana.
#[derive(Clone, Default)]
pub struct Keys {
    #[cfg(feature = "evm")]
    pub(super) evm: Vec<Arc<tollway_evm::LocalKey>>,
    #[cfg(feature = "solana")]
    pub(super) solana: Vec<Arc<tollway_solana::LocalKey>>,
    policies: Policies,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.len())
    }
}

impl Keys {
    /// None yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// From one key, or from several separated by commas.
    ///
    /// # Errors
    /// [`Code::BadKey`] when no family of this build can read one of them, without the key in it.
    pub fn read(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.starts_with('[') {
            return Self::one(text);
        }
        text.split(',').try_fold(Self::none(), |keys, text| keys.and(Self::one(text.trim())?))
    }

    /// From an encrypted keystore file of Ethereum's tools. Slow by design: call it from a blocking task.
    ///
    /// # Errors
    /// [`Code::BadKey`] when the file cannot be read or the password is wrong; [`Code::BadSettings`] in a build without
    /// EVM networks.
    pub fn keystore(path: &Path, password: &str) -> Result<Self> {
        #[cfg(feature = "evm")]
        {
            let key = tollway_evm::LocalKey::from_keystore(path, password)?;
            Ok(Self { evm: vec![Arc::new(key)], ..Self::none() })
        }
        #[cfg(not(feature = "evm"))]
        {
            let _ = (path, password);
            Err(Error::caller(Code::BadSettings)
                .detail("keystores are for EVM networks, which this build lacks"))
        }
    }

    /// These and those.
    ///
    /// # Errors
    /// [`Code::BadSettings`] when they hold one key to two different policies.
    pub fn and(mut self, more: Self) -> Result<Self> {
        self.policies.join(more.policies)?;
        #[cfg(feature = "evm")]
        self.evm.extend(more.evm);
        #[cfg(feature = "solana")]
        self.solana.extend(more.solana);
        Ok(self)
    }

    /// The same keys, and the one at this address is held to this policy; without an address, every key that no other policy
    /// holds. A held key signs nothing that its policy does not allow, whoever asks.
    ///
    /// # Errors
    /// [`Code::BadSettings`] when it is held already.
    pub fn held_to(mut self, address: Option<&str>, policy: KeyPolicy) -> Result<Self> {
        self.policies.add(address, policy)?;
        Ok(self)
    }

    /// What the key at this address, as [`Keys::addresses`] shows it, is held to.
    pub fn policy_of(&self, address: &str) -> Option<&KeyPolicy> {
        self.policies.of(address)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let count = 0;
        #[cfg(feature = "evm")]
        let count = count + self.evm.len();
        #[cfg(feature = "solana")]
        let count = count + self.solana.len();
        count
    }

    /// The address of each, with its family's namespace (`eip155`), as its family shows it.
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        let _ = &mut all; // a build without any family has no keys
        #[cfg(feature = "evm")]
        all.extend(self.evm.iter().map(|k| (tollway_evm::FAMILY.namespace, k.address().to_string())));
        #[cfg(feature = "solana")]
        all.extend(self.solana.iter().map(|k| (tollway_solana::FAMILY.namespace, k.address().to_string())));
        all
    }

    /// Those of one family of networks, by its namespace: `eip155`, `solana`; each behind its policy.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Self {
        let (mut keys, _) = (Self { policies: self.policies.clone(), ..Self::none() }, namespace);
        let _ = &mut keys; // a build without any family has no keys
        #[cfg(feature = "evm")]
        if namespace == tollway_evm::FAMILY.namespace {
            keys.evm.clone_from(&self.evm);
        }
        #[cfg(feature = "solana")]
        if namespace == tollway_solana::FAMILY.namespace {
            keys.solana.clone_from(&self.solana);
        }
        keys
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The family is told by the spelling: what one can read, no other can.
    fn one(text: &str) -> Result<Self> {
        let why: Option<String> = None;
        #[cfg(feature = "evm")]
        let why = match tollway_evm::LocalKey::from_hex(text) {
            Ok(key) => return Ok(Self { evm: vec![Arc::new(key)], ..Self::none() }),
            Err(error) => Some(both(why, &error)),
        };
        #[cfg(feature = "solana")]
        let why = match tollway_solana::LocalKey::parse(text) {
            Ok(key) => return Ok(Self { solana: vec![Arc::new(key)], ..Self::none() }),
            Err(error) => Some(both(why, &error)),
        };
        let _ = text;
        Err(Error::caller(Code::BadKey).detail(why.unwrap_or_else(|| "no networks in this build".to_owned())))
    }
}

/// What every family wants.
#[cfg(any(feature = "evm", feature = "solana"))]
fn both(before: Option<String>, error: &Error) -> String {
    match before {
        Some(before) => format!("{before}; or {}", error.detail),
        None => error.detail.to_string(),
    }
}

#[cfg(all(test, feature = "evm", feature = "solana"))]
mod tests {
    use super::*;

    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    /// 32 times 9, and the public half that belongs to it.
    const BASE58: &str =
        "BUguQsv2ZuHus54HAFzjdJHzZBkygAjKhEeYwSG19tUwuftFhkkkEFDzcow9XDkfD3qGi1Yb3LV15ufdrKJ226T";
    const PUBLIC: [u8; 32] = [
        253, 23, 36, 56, 90, 160, 199, 91, 100, 251, 120, 205, 96, 47, 161, 217, 145, 253, 235, 247, 107, 19,
        197, 142, 215, 2, 234, 200, 53, 233, 246, 24,
    ];

    #[test]
    fn a_key_keeps_its_policy_and_has_one_alone() {
        let keys = || Keys::read(KEY).unwrap();
        let address = keys().addresses().remove(0).1;
        let policy = |s| KeyPolicy { validity_s_max: s, ..KeyPolicy::default() };
        let held = |address: Option<&str>, s| keys().held_to(address, policy(s)).unwrap();
        for whose in [Some(address.as_str()), None] {
            assert_eq!(held(whose, 1).of("eip155").policy_of(&address), Some(&policy(1)));
            let error = held(whose, 1).and(held(whose, 2)).unwrap_err();
            assert_eq!(error.code, Code::BadSettings);
            assert!(error.detail.contains("two key policies hold"), "{error}");
            assert_eq!(held(whose, 1).and(held(whose, 1)).unwrap().policy_of(&address), Some(&policy(1)));
        }
        let lower = address.to_lowercase();
        assert_eq!(held(Some(&address), 1).and(held(Some(&lower), 2)).unwrap_err().code, Code::BadSettings);
    }

    #[test]
    fn keys_are_read_and_never_shown() {
        let keys = Keys::read(&format!("{KEY}, {}", KEY.replace("ac", "ab"))).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(format!("{keys:?}"), "Keys(2)");
        let both = Keys::read(&format!("{KEY},{BASE58}")).unwrap();
        assert_eq!((both.evm.len(), both.solana.len()), (1, 1));
        let counts = |keys: Keys| (keys.evm.len(), keys.solana.len());
        let of = ["eip155", "solana", "other"].map(|namespace| counts(both.of(namespace)));
        assert_eq!(of, [(1, 0), (0, 1), (0, 0)]);
        let file = Keys::read(&format!("{:?}\n", [&[9; 32], &PUBLIC[..]].concat())).unwrap();
        assert_eq!(file.solana[0].address(), both.solana[0].address(), "as solana-keygen writes it");
        for wrong in ["", KEY.get(..40).unwrap(), "[1,2]", &format!("{KEY},")] {
            let error = Keys::read(wrong).unwrap_err();
            assert_eq!(error.code, Code::BadKey, "{wrong}");
            assert!(!error.to_string().contains("ac0974"), "{error}");
        }
    }
}
