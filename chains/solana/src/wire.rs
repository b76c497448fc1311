//! A transaction's bytes, as far as sending needs to know them: signatures, accounts, blockhash, what it costs.
//!
//! ```text
//! compact count ‖ 64-byte signatures ‖ message
//! message = [0x80 for v0] ‖ required, read-only signed, read-only ‖ compact count ‖ 32-byte accounts ‖ blockhash
//!           ‖ compact count ‖ instructions (program, compact accounts, compact data) [‖ lookup tables]
//! ```
//! Whether a transaction may be paid for is for a scheme to judge, which reads it far more strictly.

use crate::address::COMPUTE_BUDGET;
use solana_hash::Hash;
use solana_pubkey::Pubkey;
use solana_signature::Signature;

/// Where things are in a transaction's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Wire<'a> {
    signatures: &'a [u8],
    message: &'a [u8],
    accounts: &'a [u8],
    blockhash: &'a [u8],
    instructions: &'a [u8],
}

/// An instruction, read out.
pub(crate) struct Call<'a> {
    pub(crate) program: Pubkey,
    pub(crate) accounts: Vec<Pubkey>,
    pub(crate) data: &'a [u8],
}

/// Shows the size alone: a transaction holds signatures.
impl std::fmt::Debug for Wire<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wire({} bytes of message)", self.message.len())
    }
}

/// Reads from the front.
struct Front<'a>(&'a [u8]);

impl<'a> Front<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }
    /// A compact-u16: seven bits a byte, low first, at most three bytes.
    fn compact(&mut self) -> Option<usize> {
        let mut value = 0usize;
        for shift in [0u32, 7, 14] {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                // No zeros at the end of a longer form, nothing beyond 16 bits.
                return (value <= usize::from(u16::MAX) && (shift == 0 || byte != 0)).then_some(value);
            }
        }
        None
    }
}

impl<'a> Wire<'a> {
    /// Finds its way through; `None` when the bytes are no transaction.
    pub(crate) fn read(wire: &'a [u8]) -> Option<Self> {
        let mut front = Front(wire);
        let count = front.compact()?;
        let signatures = front.take(count.checked_mul(64)?)?;
        let (read, required) = Self::of_message(front.0)?;
        (count > 0 && required == count).then_some(Self { signatures, ..read })
    }

    /// Of a message without signatures, and how many it needs.
    pub(crate) fn of_message(message: &'a [u8]) -> Option<(Self, usize)> {
        let mut front = Front(message);
        if message.first()? & 0x80 != 0 && front.byte()? != 0x80 {
            return None; // a version that nobody knows
        }
        let required = usize::from(front.byte()?);
        front.take(2)?;
        let keys = front.compact()?;
        let accounts = front.take(keys.checked_mul(32)?)?;
        let blockhash = front.take(32)?;
        let read = Self { signatures: &[], message, accounts, blockhash, instructions: front.0 };
        (keys >= required).then_some((read, required))
    }

    /// Every instruction; `None` when one names an account of a lookup table, or one that is not there, or when tables or
    /// anything else follow: then nobody knows from these bytes what it does.
    pub(crate) fn calls(&self) -> Option<Vec<Call<'a>>> {
        let keys = self.accounts();
        let key = |index: u8| keys.get(usize::from(index)).copied();
        let mut front = Front(self.instructions);
        let mut calls = Vec::new();
        for _ in 0..front.compact()? {
            let program = key(front.byte()?)?;
            let count = front.compact()?;
            let accounts = front.take(count)?.iter().map(|index| key(*index)).collect::<Option<_>>()?;
            let length = front.compact()?;
            calls.push(Call { program, accounts, data: front.take(length)? });
        }
        let versioned = self.message.first()? & 0x80 != 0;
        let end: &[u8] = if versioned { &[0] } else { &[] };
        (front.0 == end).then_some(calls)
    }

    /// What is signed.
    pub(crate) fn message(&self) -> &'a [u8] {
        self.message
    }
    /// How many signatures it has and needs.
    pub(crate) fn signers(&self) -> usize {
        self.signatures.len() / 64
    }
    /// One signature.
    pub(crate) fn signature(&self, place: usize) -> Option<Signature> {
        let bytes: &[u8; 64] = self.signatures.chunks_exact(64).nth(place)?.try_into().ok()?;
        Some(Signature::from(*bytes))
    }
    /// True when every place but the first is filled.
    pub(crate) fn others_signed(&self) -> bool {
        self.signatures.chunks_exact(64).skip(1).all(|signature| signature.iter().any(|byte| *byte != 0))
    }
    /// Its own accounts, without those of lookup tables.
    pub(crate) fn accounts(&self) -> Vec<Pubkey> {
        let keys = self.accounts.chunks_exact(32).filter_map(|key| <[u8; 32]>::try_from(key).ok());
        keys.map(Pubkey::from).collect()
    }
    /// Who pays for it.
    pub(crate) fn fee_payer(&self) -> Option<Pubkey> {
        let key: [u8; 32] = self.accounts.get(..32)?.try_into().ok()?;
        Some(Pubkey::from(key))
    }
    /// Until when it lives. (A durable nonce stands in the same place: see [`Wire::is_durable`].)
    pub(crate) fn blockhash(&self) -> Option<Hash> {
        let bytes: [u8; 32] = self.blockhash.try_into().ok()?;
        Some(Hash::new_from_array(bytes))
    }

    /// True when its first instruction uses up a durable nonce: then it lives for ever, whatever stands in the place of
    /// the blockhash.
    pub(crate) fn is_durable(&self) -> bool {
        const ADVANCE_NONCE: [u8; 4] = [4, 0, 0, 0];
        let first = || {
            let mut front = Front(self.instructions);
            front.compact().filter(|count| *count > 0)?;
            let program = self.accounts.chunks_exact(32).nth(usize::from(front.byte()?))?;
            let accounts = front.compact()?;
            front.take(accounts)?;
            let length = front.compact()?;
            let system = program.iter().all(|byte| *byte == 0);
            Some(system && front.take(length)?.starts_with(&ADVANCE_NONCE))
        };
        first().unwrap_or(false)
    }

    /// Compute limit and price in micro-lamports that it asks for. Without a limit: 200,000 for each instruction of
    /// others, 3,000 for those of built-in programs that set the budget.
    pub(crate) fn budget(&self) -> Option<(u64, u64)> {
        const PLAIN: u64 = 200_000;
        const BUILT_IN: u64 = 3_000;
        const MOST: u64 = 1_400_000;
        let mut front = Front(self.instructions);
        let (mut limit, mut price, mut by_default) = (None, 0u64, 0u64);
        for _ in 0..front.compact()? {
            let program = usize::from(front.byte()?);
            let accounts = front.compact()?;
            front.take(accounts)?;
            let length = front.compact()?;
            let data = front.take(length)?;
            let key = self.accounts.chunks_exact(32).nth(program);
            if key != Some(COMPUTE_BUDGET.as_ref()) {
                by_default = by_default.saturating_add(PLAIN);
                continue;
            }
            by_default = by_default.saturating_add(BUILT_IN);
            match data.split_first() {
                Some((2, rest)) => limit = Some(u64::from(u32::from_le_bytes(rest.try_into().ok()?))),
                Some((3, rest)) => price = u64::from_le_bytes(rest.try_into().ok()?),
                _ => {}
            }
        }
        Some((limit.unwrap_or(by_default).min(MOST), price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use solana_instruction::{AccountMeta, Instruction};
    use solana_message::{VersionedMessage, legacy, v0};

    fn key(n: u8) -> Pubkey {
        Pubkey::from([n; 32])
    }

    fn instructions(limit: Option<u32>, price: Option<u64>) -> Vec<Instruction> {
        let budget = |kind: u8, value: &[u8]| Instruction {
            program_id: COMPUTE_BUDGET,
            accounts: vec![],
            data: [&[kind], value].concat(),
        };
        let accounts = vec![AccountMeta::new(key(3), false), AccountMeta::new_readonly(key(2), true)];
        let mut all = vec![Instruction { program_id: key(9), accounts, data: vec![7; 200] }];
        all.extend(limit.map(|limit| budget(2, &limit.to_le_bytes())));
        all.extend(price.map(|price| budget(3, &price.to_le_bytes())));
        all
    }

    fn wire(message: &VersionedMessage) -> Vec<u8> {
        [&[2u8][..], &[1; 64], &[2; 64], &message.serialize()].concat()
    }

    fn v0_wire(limit: Option<u32>, price: Option<u64>) -> Vec<u8> {
        let hash = Hash::new_from_array([5; 32]);
        wire(&VersionedMessage::V0(
            v0::Message::try_compile(&key(1), &instructions(limit, price), &[], hash).unwrap(),
        ))
    }

    #[test]
    fn both_versions_are_read_as_the_sdk_writes_them() {
        let hash = Hash::new_from_array([5; 32]);
        let old =
            legacy::Message::new_with_blockhash(&instructions(Some(20_000), Some(7)), Some(&key(1)), &hash);
        for bytes in [v0_wire(Some(20_000), Some(7)), wire(&VersionedMessage::Legacy(old))] {
            let read = Wire::read(&bytes).unwrap();
            assert_eq!((read.signers(), read.fee_payer(), read.blockhash()), (2, Some(key(1)), Some(hash)));
            assert_eq!((read.signature(0), read.signature(2)), (Some(Signature::from([1; 64])), None));
            assert_eq!((read.message(), read.budget()), (&bytes[129..], Some((20_000, 7))));
            assert!(read.others_signed() && read.accounts().contains(&key(3)));
        }
    }

    #[test]
    fn a_transaction_that_lives_for_ever_is_known_as_one() {
        let hash = Hash::new_from_array([5; 32]);
        let advance = |program_id, data: [u8; 4]| {
            let accounts = vec![AccountMeta::new(key(3), false), AccountMeta::new_readonly(key(2), true)];
            let first = Instruction { program_id, accounts, data: data.to_vec() };
            let all = [vec![first], instructions(None, None)].concat();
            let message = v0::Message::try_compile(&key(1), &all, &[], hash).unwrap();
            Wire::read(&wire(&VersionedMessage::V0(message))).unwrap().is_durable()
        };
        assert!(advance(Pubkey::default(), [4, 0, 0, 0]));
        assert!(!advance(Pubkey::default(), [2, 0, 0, 0]));
        assert!(!advance(key(9), [4, 0, 0, 0]));
        assert!(!Wire::read(&v0_wire(None, None)).unwrap().is_durable());
    }

    #[test]
    fn what_is_not_said_of_the_budget_is_the_chains_default() {
        let budget = |limit, price| Wire::read(&v0_wire(limit, price)).unwrap().budget();
        assert_eq!(budget(None, None), Some((200_000, 0)));
        assert_eq!(budget(None, Some(9)), Some((203_000, 9)));
        assert_eq!(budget(Some(u32::MAX), Some(u64::MAX)), Some((1_400_000, u64::MAX)));
    }

    #[test]
    fn what_is_no_transaction_is_none() {
        let good = v0_wire(Some(1), Some(1));
        for length in [0, 1, 64, 128, 129, 133, 200, 290] {
            assert!(Wire::read(&good[..length]).is_none(), "{length} bytes");
        }
        let spoil = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            bad
        };
        assert!(Wire::read(&spoil(0, 0)).is_none(), "no signatures");
        assert!(Wire::read(&spoil(0, 1)).is_none(), "fewer signatures than needed");
        assert!(Wire::read(&spoil(129, 0x81)).is_none(), "a version that nobody knows");
        assert!(Wire::read(&spoil(130, 1)).is_none(), "more signatures than needed");
        let long = [&[0x82u8, 0x00][..], &good[1..]].concat();
        assert!(Wire::read(&long).is_none(), "a count that is longer than it must be");
    }

    proptest! {
        #[test]
        fn no_bytes_do_any_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400, flip: u8) {
            let mut torn = v0_wire(Some(1), Some(1));
            torn.truncate(cut);
            if let Some(byte) = torn.last_mut() {
                *byte ^= flip;
            }
            for bytes in [bytes, torn] {
                if let Some(read) = Wire::read(&bytes) {
                    let _ = (read.budget(), read.accounts(), read.signature(0), read.others_signed(), read.is_durable());
                    prop_assert!(read.message().len() < bytes.len());
                }
            }
        }
    }
}
