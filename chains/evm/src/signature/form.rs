//! The forms in which signatures come.

use super::key::{SIGNATURE_BYTES, expand, recover};
use alloy::primitives::{Address, B256, Bytes, b256};
use alloy::sol_types::SolValue;
use std::fmt;
use std::sync::LazyLock;
use tollway_core::{Code, Error, Recent, Result};

/// The longest signature that is read, in bytes, wrapper included. A passkey's has about 700, one of ten owners 650, and
/// the call that deploys a wallet up to 2,000.
pub const BYTES_MAX: usize = 8_192;

/// What an ERC-6492 signature ends in. Source: ERC-6492.
const WRAPPED: B256 = b256!("6492649264926492649264926492649264926492649264926492649264926492");

/// Who signed what lately. A payment is looked at on every side that it passes; only the first look pays for the curve.
static SIGNERS: LazyLock<Recent<(B256, [u8; SIGNATURE_BYTES]), Address>> =
    LazyLock::new(|| Recent::new(4096));

/// A signature as it came. `Debug` shows its form alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    /// As long as a plain account's, 64 or 65 bytes. On the stack: nearly all are.
    Short([u8; SIGNATURE_BYTES], Length),
    Long(Bytes),
    Wrapped(Box<Wrapped>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Compact,
    Full,
}

#[derive(Clone, PartialEq, Eq)]
struct Wrapped {
    /// All of it, as it came.
    whole: Bytes,
    deployment: Deployment,
    inner: Signature,
}

/// How an account comes to its code. Source: ERC-6492.
#[derive(Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Who deploys it.
    pub factory: Address,
    /// What the factory is called with.
    pub data: Bytes,
}

/// Shows no call data: whoever pays chose it.
impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deployment(by {}, {} bytes)", self.factory, self.data.len())
    }
}

/// What can be said of a signature without the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The account's own key made it: here as `r ‖ s ‖ v` with `v` 27 or 28, as every token takes it.
    Key([u8; SIGNATURE_BYTES]),
    /// No key of that account made it, but its code may know better. Holds the error that is right if it has no code.
    AskAccount(Error),
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match &self.0 {
            Form::Short(..) => "plain",
            Form::Long(_) => "long",
            Form::Wrapped(_) => "ERC-6492",
        };
        write!(f, "Signature({form}, {} bytes)", self.as_bytes().len())
    }
}

impl From<[u8; SIGNATURE_BYTES]> for Signature {
    fn from(bytes: [u8; SIGNATURE_BYTES]) -> Self {
        Self(Form::Short(bytes, Length::Full))
    }
}

impl Signature {
    /// Takes a signature apart; says nothing about whose it is. Allocates only for what is longer than a plain one.
    ///
    /// # Errors
    /// [`Code::InvalidSignature`]: empty, longer than [`BYTES_MAX`], or an ERC-6492 wrapper that cannot be opened or holds
    /// another.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if let Ok(full) = <[u8; SIGNATURE_BYTES]>::try_from(bytes) {
            return Ok(Self(Form::Short(full, Length::Full)));
        }
        if bytes.len() == SIGNATURE_BYTES - 1 {
            let mut full = [0; SIGNATURE_BYTES];
            full.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
            return Ok(Self(Form::Short(full, Length::Compact)));
        }
        if bytes.is_empty() || bytes.len() > BYTES_MAX {
            return Err(bad(&format!("{} bytes; 1 to {BYTES_MAX} are read", bytes.len())));
        }
        match bytes.strip_suffix(WRAPPED.as_slice()) {
            Some(rest) => Wrapped::open(bytes, rest).map(|wrapped| Self(Form::Wrapped(Box::new(wrapped)))),
            None => Ok(Self(Form::Long(Bytes::copy_from_slice(bytes)))),
        }
    }

    /// As it came and goes on the wire, wrapper and all.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Short(bytes, Length::Full) => bytes,
            Form::Short(bytes, Length::Compact) => bytes.split_last().map_or(bytes, |(_, compact)| compact),
            Form::Long(bytes) => bytes,
            Form::Wrapped(wrapped) => &wrapped.whole,
        }
    }

    /// What an account's code is asked about: as it came, without an ERC-6492 wrapper.
    pub fn for_account(&self) -> &[u8] {
        match &self.0 {
            Form::Wrapped(wrapped) => wrapped.inner.as_bytes(),
            _ => self.as_bytes(),
        }
    }

    /// How the account is deployed if it is not yet; `None` without an ERC-6492 wrapper.
    pub fn deployment(&self) -> Option<&Deployment> {
        match &self.0 {
            Form::Wrapped(wrapped) => Some(&wrapped.deployment),
            _ => None,
        }
    }

    /// Whether the key of `account` made it; recovered once, remembered for a while.
    pub fn check(&self, digest: &B256, account: Address) -> Check {
        match self.key_form().and_then(|rsv| Ok((rsv, signer(digest, rsv)?))) {
            Ok((rsv, signer)) if signer == account => Check::Key(rsv),
            Ok((_, signer)) => Check::AskAccount(bad(&format!(
                "it belongs to {signer}, not to the payer {account}: another key, or other terms, token or chain were \
                 signed"
            ))),
            Err(why) => Check::AskAccount(why),
        }
    }

    /// As `r ‖ s ‖ v` with `v` 27 or 28, where it has that form.
    fn key_form(&self) -> Result<[u8; SIGNATURE_BYTES]> {
        match &self.0 {
            Form::Short(bytes, length) => plain(bytes, *length),
            Form::Wrapped(wrapped) => wrapped.inner.key_form(),
            Form::Long(bytes) => Err(bad(&format!(
                "{} bytes, and the payer has no code that could judge them; {SIGNATURE_BYTES}, or 64 by EIP-2098, are \
                 right for a plain account",
                bytes.len()
            ))),
        }
    }
}

impl Wrapped {
    fn open(whole: &[u8], rest: &[u8]) -> Result<Self> {
        let (factory, data, inner) = <(Address, Bytes, Bytes)>::abi_decode_params(rest)
            .map_err(|_| bad("it ends like ERC-6492, but no (address, bytes, bytes) stands before that"))?;
        if inner.ends_with(WRAPPED.as_slice()) {
            return Err(bad("an ERC-6492 wrapper within another"));
        }
        let inner = Signature::read(&inner)?;
        Ok(Self { whole: Bytes::copy_from_slice(whole), deployment: Deployment { factory, data }, inner })
    }
}

fn plain(bytes: &[u8; SIGNATURE_BYTES], length: Length) -> Result<[u8; SIGNATURE_BYTES]> {
    let [rs @ .., v] = bytes;
    if length == Length::Compact {
        return Ok(expand(rs));
    }
    let mut full = *bytes;
    let [.., last] = &mut full;
    *last = match *v {
        // Some hardware wallets give the parity alone; tokens want Ethereum's 27 or 28.
        parity @ (0 | 1) => parity.saturating_add(27),
        v @ (27 | 28) => v,
        v => return Err(bad(&format!("v is {v}; 27 or 28 would be right"))),
    };
    Ok(full)
}

fn signer(digest: &B256, rsv: [u8; SIGNATURE_BYTES]) -> Result<Address> {
    let key = (*digest, rsv);
    if let Some(signer) = SIGNERS.get(&key) {
        return Ok(signer);
    }
    let signer = recover(digest, &rsv)?;
    SIGNERS.put(key, signer);
    Ok(signer)
}

fn bad(why: &str) -> Error {
    Error::payer(Code::InvalidSignature).detail(format!("signature: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalKey;
    use alloy::primitives::U256;
    use proptest::prelude::*;

    fn key() -> LocalKey {
        LocalKey::from_bytes(&[7; 32]).unwrap()
    }
    fn digest() -> B256 {
        B256::repeat_byte(5)
    }
    fn full() -> [u8; 65] {
        key().sign(&digest()).as_bytes()
    }
    /// EIP-2098 by its own words: the parity is the highest bit of s.
    fn compact() -> Vec<u8> {
        let mut all = full().to_vec();
        let parity = all.pop().unwrap() - 27;
        all[32] |= parity << 7;
        all
    }
    fn with_v(v: u8) -> Vec<u8> {
        let mut all = full().to_vec();
        all[64] = v;
        all
    }
    fn high_s() -> Vec<u8> {
        let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let signed = key().sign(&digest());
        let s = order.parse::<U256>().unwrap() - signed.s();
        alloy::primitives::Signature::new(signed.r(), s, !signed.v()).as_bytes().to_vec()
    }
    fn wrapped(inner: &[u8]) -> Vec<u8> {
        let parts =
            (Address::repeat_byte(0xfa), Bytes::from_static(b"make it"), Bytes::copy_from_slice(inner));
        [parts.abi_encode_params(), WRAPPED.to_vec()].concat()
    }
    fn read(bytes: &[u8]) -> Signature {
        Signature::read(bytes).unwrap()
    }

    #[test]
    fn every_spelling_of_the_keys_own_signature_is_known_and_becomes_the_same() {
        let parity = full()[64] - 27;
        for bytes in [full().to_vec(), compact(), with_v(parity), wrapped(&full()), wrapped(&compact())] {
            let signature = read(&bytes);
            assert_eq!(signature.check(&digest(), key().address()), Check::Key(full()), "{signature:?}");
            assert_eq!(signature.as_bytes(), bytes);
        }
    }

    #[test]
    fn whatever_no_key_made_is_left_to_the_accounts_code_with_the_reason() {
        let other = B256::repeat_byte(6);
        let cases = [
            ("not to the payer", full().to_vec(), other),
            ("not to the payer", compact(), other),
            ("upper half", high_s(), digest()),
            ("v is 2;", with_v(2), digest()),
            ("v is 29;", with_v(29), digest()),
            ("v is 255;", with_v(255), digest()),
            ("63 bytes", vec![1; 63], digest()),
            ("66 bytes", vec![1; 66], digest()),
            ("130 bytes", vec![1; 130], digest()),
            ("97 bytes", wrapped(&[1; 97]), digest()),
        ];
        for (words, bytes, digest) in cases {
            let signature = read(&bytes);
            let Check::AskAccount(why) = signature.check(&digest, key().address()) else { panic!("{words}") };
            assert_eq!(why.code, Code::InvalidSignature, "{words}");
            assert!(why.detail.contains(words), "{words}: {why}");
        }
    }

    #[test]
    fn a_wrapper_is_opened_once_and_what_is_no_signature_is_refused() {
        let signature = read(&wrapped(&[3; 97]));
        assert_eq!(signature.for_account(), [3; 97]);
        let deployment = signature.deployment().unwrap();
        assert_eq!(deployment.factory, Address::repeat_byte(0xfa));
        assert_eq!(deployment.data, Bytes::from_static(b"make it"));
        assert_eq!(read(&[3; 97]).deployment(), None);
        let cases: [(&str, Vec<u8>); 6] = [
            ("0 bytes", vec![]),
            ("8193 bytes", vec![1; BYTES_MAX + 1]),
            ("no (address", WRAPPED.to_vec()),
            ("no (address", [vec![0xff; 96], WRAPPED.to_vec()].concat()),
            ("0 bytes", wrapped(&[])),
            ("within another", wrapped(&wrapped(&full()))),
        ];
        for (words, bytes) in cases {
            let refused = Signature::read(&bytes).unwrap_err();
            assert_eq!(refused.code, Code::InvalidSignature);
            assert!(refused.detail.contains(words), "{words}: {refused}");
        }
    }

    #[test]
    fn a_verdict_belongs_to_its_digest_and_account_alone() {
        let signature = read(&full());
        for _ in 0..2 {
            assert!(matches!(signature.check(&digest(), key().address()), Check::Key(_)));
            assert!(matches!(signature.check(&digest(), Address::ZERO), Check::AskAccount(_)));
            assert!(matches!(signature.check(&B256::ZERO, key().address()), Check::AskAccount(_)));
        }
    }

    #[test]
    fn nothing_of_a_signature_is_shown() {
        for bytes in [full().to_vec(), vec![0xab; 300], wrapped(&[0xab; 97])] {
            let signature = read(&bytes);
            let shown = format!("{signature:?} {:?}", signature.deployment());
            assert!(!shown.contains("171, 171") && !shown.contains("abab") && shown.len() < 200, "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_all_that_are_read_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..400), wrap: bool) {
            let bytes = if wrap { wrapped(&bytes) } else { bytes };
            if let Ok(signature) = Signature::read(&bytes) {
                prop_assert_eq!(signature.as_bytes(), &*bytes);
                let _ = signature.check(&digest(), key().address());
            }
        }
    }
}
