use crate::registry::Read;
use crate::{Order, ReplayKey};
use std::hash::{BuildHasher, Hasher};

/// The same on every side of a payment; nothing depends on what it is.
const SEED: u64 = 0x0074_6f6c_6c77_6179;

/// A short name of a payment for logs: the payer's side, the seller's and the facilitator's all make the same one of it. It
/// is a hash of its replay keys, which themselves belong into no log. `?` for a payload that cannot be read.
pub fn tag(read: Read, order: &Order) -> String {
    read(order).map_or_else(|_| "?".to_owned(), |terms| of(&terms.replay))
}

fn of(keys: &[ReplayKey]) -> String {
    let mut hash = foldhash::quality::FixedState::with_seed(SEED).build_hasher();
    for key in keys {
        hash.write(key.0.as_bytes());
        hash.write_u8(0);
    }
    format!("{:016x}", hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_payment_has_one_name_and_another_has_another() {
        let key = |text: &str| vec![ReplayKey::from(text)];
        let name = of(&key("eip3009:0xabc"));
        assert_eq!(name, of(&key("eip3009:0xabc")));
        assert_ne!(name, of(&key("eip3009:0xabd")));
        assert!(name.len() == 16 && !name.contains("abc"));
    }
}
