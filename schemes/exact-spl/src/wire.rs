//! A Solana transaction as it goes over the wire, read in place: nothing is copied, nothing is allocated.
//!
//! ```text
//! compact-u16 n ‖ n × signature(64) ‖ message
//! message: [0x80 | version] ‖ required ‖ readonly signed ‖ readonly unsigned
//!          ‖ compact-u16 n ‖ n × key(32) ‖ blockhash(32)
//!          ‖ compact-u16 n ‖ n × (program index ‖ compact-u16 n ‖ n × account index ‖ compact-u16 n ‖ n × data)
//!          ‖ (from version 0 on) compact-u16 n ‖ n × (table(32) ‖ … )
//! ```
//!
//! The reader is stricter than it must be: one spelling per transaction, so that the hash of the message
//! names a payment. Source: Solana's transaction format; the limits are those of one network packet.

use arrayvec::ArrayVec;
use tollway_core::{Code, Error, Result};
use tollway_solana::{PACKET_BYTES_MAX, Pubkey};

/// Instructions beyond so many are only counted: no payment has more.
pub(crate) const INSTRUCTIONS_MAX: usize = 16;

/// A transaction, borrowed from its bytes. Structurally sound: every index points at something.
pub(crate) struct Tx<'a> {
    /// One per required signer; zeros where a signature is still missing.
    pub(crate) signatures: &'a [[u8; 64]],
    /// What is signed.
    pub(crate) message: &'a [u8],
    /// The accounts: first those that sign.
    pub(crate) keys: &'a [[u8; 32]],
    header: Header,
    instructions: ArrayVec<Instruction<'a>, INSTRUCTIONS_MAX>,
    /// How many instructions there are, those beyond the limit included.
    pub(crate) count: usize,
    /// Address lookup tables that it loads from.
    pub(crate) tables: usize,
}

/// Never shows the signatures.
impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({} accounts, {} instructions)", self.keys.len(), self.count)
    }
}

/// An instruction. Its indexes are below the number of static accounts unless the transaction loads tables.
#[derive(Clone, Copy)]
pub(crate) struct Instruction<'a> {
    pub(crate) program: u8,
    pub(crate) accounts: &'a [u8],
    pub(crate) data: &'a [u8],
}

#[derive(Clone, Copy)]
struct Header {
    required: usize,
    readonly_signed: usize,
    readonly_unsigned: usize,
}

impl<'a> Tx<'a> {
    /// Reads a whole transaction.
    ///
    /// # Errors
    /// [`Code::TooLarge`], [`Code::UndecodableTransaction`], [`Code::TransactionTrailingBytes`],
    /// [`Code::TransactionNonCanonical`], [`Code::TransactionVersion`], [`Code::TransactionAccounts`].
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > PACKET_BYTES_MAX {
            return Err(Error::payer(Code::TooLarge)
                .detail(format!("a transaction of {} bytes; {PACKET_BYTES_MAX} are the most", bytes.len())));
        }
        let mut cursor = Cursor(bytes);
        let count = cursor.length()?;
        let signatures = cursor.chunks::<64>(count)?;
        let mut tx = Self::message(cursor.0)?;
        tx.signatures = signatures;
        if tx.header.required != count || count == 0 {
            return Err(accounts(format!("{count} signatures where {} are required", tx.header.required)));
        }
        Ok(tx)
    }

    /// Reads a message alone.
    fn message(message: &'a [u8]) -> Result<Self> {
        let mut cursor = Cursor(message);
        let mut first = cursor.byte()?;
        let versioned = first & 0x80 != 0;
        if versioned {
            if first != 0x80 {
                return Err(Error::payer(Code::TransactionVersion)
                    .detail(format!("version {}; legacy and 0 are known", first & 0x7f)));
            }
            first = cursor.byte()?;
        }
        let header = Header {
            required: first.into(),
            readonly_signed: cursor.byte()?.into(),
            readonly_unsigned: cursor.byte()?.into(),
        };
        let count = cursor.length()?;
        let keys = cursor.chunks::<32>(count)?;
        // The blockhash: the chain alone knows whether it is one.
        cursor.array::<32>()?;
        let count = cursor.length()?;
        let mut tx =
            Self { signatures: &[], message, keys, header, instructions: ArrayVec::new(), count, tables: 0 };
        // Each takes three bytes at least, so a count beyond the packet ends in an error soon.
        for _ in 0..count {
            let instruction = cursor.instruction()?;
            // What does not fit is refused for its number later.
            let _ = tx.instructions.try_push(instruction);
        }
        if versioned {
            tx.tables = cursor.tables()?;
        }
        if !cursor.0.is_empty() {
            return Err(Error::payer(Code::TransactionTrailingBytes)
                .detail(format!("{} bytes after the end of the transaction", cursor.0.len())));
        }
        tx.sound()
    }

    /// The accounts agree with the header and with the instructions. Source: the runtime's own sanitization.
    fn sound(self) -> Result<Self> {
        let Header { required, readonly_signed, readonly_unsigned } = self.header;
        let known = self.keys.len();
        if readonly_signed >= required || required.saturating_add(readonly_unsigned) > known {
            return Err(accounts(format!(
                "{known} accounts, {required} signers, {readonly_signed} and {readonly_unsigned} read-only"
            )));
        }
        // At most 38 keys fit a packet, so this is cheaper than a set.
        let twice = |(i, key): (usize, &[u8; 32])| self.keys.iter().take(i).any(|k| k == key);
        if self.keys.iter().enumerate().any(twice) {
            return Err(accounts("an account stands there twice".to_owned()));
        }
        let missing = |i: u8| usize::from(i) >= known;
        // With tables, the others are somewhere else; such a transaction is refused or resolved later.
        let beyond = |ix: &Instruction<'_>| ix.accounts.iter().copied().any(missing) && self.tables == 0;
        if self.instructions.iter().any(|ix| ix.program == 0 || missing(ix.program) || beyond(ix)) {
            return Err(accounts(
                "an instruction names an account that is not there, or calls the fee payer".to_owned(),
            ));
        }
        Ok(self)
    }

    /// The instructions, at most [`INSTRUCTIONS_MAX`] of them.
    pub(crate) fn instructions(&self) -> &[Instruction<'a>] {
        &self.instructions
    }
    /// An account by its index; `None` where it is loaded from a table.
    pub(crate) fn key(&self, index: u8) -> Option<Pubkey> {
        self.keys.get(usize::from(index)).map(|k| Pubkey::new_from_array(*k))
    }
    /// Who pays the fee.
    pub(crate) fn fee_payer(&self) -> Pubkey {
        self.key(0).unwrap_or_default()
    }
    /// Signers with their signatures, the fee payer's first.
    pub(crate) fn signers(&self) -> impl ExactSizeIterator<Item = (Pubkey, &'a [u8; 64])> {
        self.keys
            .iter()
            .zip(self.signatures)
            .map(|(key, signature)| (Pubkey::new_from_array(*key), signature))
    }
}

fn accounts(words: String) -> Error {
    Error::payer(Code::TransactionAccounts).detail(words)
}

fn cut_short() -> Error {
    Error::payer(Code::UndecodableTransaction).detail("the transaction ends in the middle of something")
}

/// What is left to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }
    fn byte(&mut self) -> Result<u8> {
        let [byte] = *self.array::<1>()?;
        Ok(byte)
    }
    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }
    fn chunks<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]]> {
        let bytes = self.take(count.checked_mul(N).ok_or_else(cut_short)?)?;
        Ok(bytes.as_chunks().0)
    }

    /// A compact-u16: seven bits a byte, the lowest first. Only the shortest spelling of a number is taken.
    fn length(&mut self) -> Result<usize> {
        let odd = || {
            Error::payer(Code::TransactionNonCanonical)
                .detail("a length that is not spelled the shortest way")
        };
        let mut value = 0usize;
        for place in 0..3u32 {
            let byte = self.byte()?;
            if (byte == 0 && place > 0) || (place == 2 && byte > 3) {
                return Err(odd());
            }
            value |= usize::from(byte & 0x7f).wrapping_shl(place.saturating_mul(7));
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(odd())
    }

    fn instruction(&mut self) -> Result<Instruction<'a>> {
        let program = self.byte()?;
        let count = self.length()?;
        let accounts = self.take(count)?;
        let count = self.length()?;
        Ok(Instruction { program, accounts, data: self.take(count)? })
    }

    fn tables(&mut self) -> Result<usize> {
        let count = self.length()?;
        for _ in 0..count {
            self.array::<32>()?;
            for _ in 0..2 {
                let indexes = self.length()?;
                self.take(indexes)?;
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(bytes: &[u8]) -> Result<usize> {
        let mut cursor = Cursor(bytes);
        let value = cursor.length()?;
        assert!(cursor.0.is_empty());
        Ok(value)
    }

    #[test]
    fn a_length_has_one_spelling() {
        for (bytes, value) in [
            (&[0][..], 0),
            (&[0x7f], 127),
            (&[0x80, 1], 128),
            (&[0xff, 0x7f], 16_383),
            (&[0x80, 0x80, 1], 16_384),
            (&[0xff, 0xff, 3], 65_535),
        ] {
            assert_eq!(length(bytes).unwrap(), value, "{bytes:x?}");
        }
        for bytes in [&[0x80, 0][..], &[0x81, 0x80, 0], &[0xff, 0xff, 4], &[0x80, 0x80, 0x80]] {
            assert_eq!(length(bytes).unwrap_err().code, Code::TransactionNonCanonical, "{bytes:x?}");
        }
        assert_eq!(length(&[0x80]).unwrap_err().code, Code::UndecodableTransaction);
    }
}
