//! The table: each hostile transaction with the code that refuses it.

use crate::support::forge::*;
use crate::support::*;
use tollway_core::*;
use tollway_solana::{PACKET_BYTES_MAX, Pubkey, TokenProgram, address};

/// Bends the pieces; they are signed by the payer afterwards.
pub type Bend = fn(&Bench, &mut Forge);
/// Bends the bytes, after everything was signed.
pub type Break = fn(&mut Vec<u8>);

pub enum Change {
    Pieces(Bend),
    Bytes(Break),
}
pub use Change::{Bytes, Pieces};

pub struct Row {
    pub name: &'static str,
    pub code: Code,
    pub change: Change,
}

pub fn pieces(name: &'static str, code: Code, bend: Bend) -> Row {
    Row { name, code, change: Pieces(bend) }
}
pub fn bytes(name: &'static str, code: Code, break_: Break) -> Row {
    Row { name, code, change: Bytes(break_) }
}

pub const TRANSFER: usize = 2;
const SYSTEM: Pubkey = Pubkey::from_str_const("11111111111111111111111111111111");

pub fn me() -> Pubkey {
    payer().pubkey()
}
pub fn boss() -> Pubkey {
    sponsor(1).pubkey()
}
pub fn other() -> Pubkey {
    stranger().pubkey()
}
fn token(bench: &Bench, op: u8, rest: &[u8], accounts: &[Meta]) -> Ix {
    ix(bench.program().id(), accounts, &[&[op][..], rest].concat())
}
fn lamports_from(from: Pubkey) -> Ix {
    ix(
        SYSTEM,
        &[Meta { key: from, signs: true, writes: true }, writes(other())],
        &[2, 0, 0, 0, 64, 66, 15, 0, 0, 0, 0, 0],
    )
}
pub fn guard(accounts: &[Meta]) -> Ix {
    ix(key(LIGHTHOUSE), accounts, &[6, 3, 0, 0])
}
fn amount(forge: &mut Forge, amount: u64) {
    forge.ixs[TRANSFER].data[1..9].copy_from_slice(&amount.to_le_bytes());
}

/// What would make use of the sponsor's signature.
fn against_the_sponsor() -> Vec<Row> {
    vec![
        pieces("fee payer as authority", Code::FeePayerTransferring, |b, f| {
            f.ixs[TRANSFER].accounts[0] = writes(b.ata(&boss()));
            f.ixs[TRANSFER].accounts[3] = signs(boss());
        }),
        pieces("fee payer as source", Code::FeePayerExposed, |_, f| {
            f.ixs[TRANSFER].accounts[0] = writes(boss());
        }),
        pieces("fee payer as destination", Code::FeePayerExposed, |_, f| {
            f.ixs[TRANSFER].accounts[2] = writes(boss());
        }),
        pieces("fee payer's token account as source", Code::SourceMismatch, |b, f| {
            f.ixs[TRANSFER].accounts[0] = writes(b.ata(&boss()));
        }),
        pieces("fee payer hidden among the transfer's further signers", Code::FeePayerExposed, |_, f| {
            f.ixs[TRANSFER].accounts.push(signs(boss()));
        }),
        pieces("fee payer hidden in a memo's accounts", Code::FeePayerExposed, |_, f| {
            f.ixs[3].accounts.push(signs(boss()));
        }),
        pieces("fee payer hidden in an assertion's accounts", Code::FeePayerExposed, |_, f| {
            f.ixs.push(guard(&[reads(boss())]));
        }),
        pieces("fee payer hidden in the compute budget's accounts", Code::FeePayerExposed, |_, f| {
            f.ixs[0].accounts.push(reads(boss()));
        }),
        pieces("system transfer from the fee payer", Code::FeePayerExposed, |_, f| {
            f.ixs.push(lamports_from(boss()));
        }),
        pieces("system transfer from the payer", Code::SystemInstruction, |_, f| {
            f.ixs.push(lamports_from(me()));
        }),
        pieces("the sponsor's other key as payer", Code::SignatureMissing, |b, f| {
            let second = sponsor(2).pubkey();
            f.ixs[TRANSFER].accounts[0] = writes(b.ata(&second));
            f.ixs[TRANSFER].accounts[3] = signs(second);
        }),
        pieces("another fee payer", Code::FeePayerMismatch, |_, f| f.fee_payer = sponsor(2).pubkey()),
        pieces("the payer as its own fee payer", Code::FeePayerMismatch, |_, f| f.fee_payer = me()),
        pieces("compute price one above the cap", Code::ComputePriceTooHigh, |_, f| {
            f.ixs[1] = price(5_000_001)
        }),
        pieces("compute price of 2^64 - 1", Code::ComputePriceTooHigh, |_, f| f.ixs[1] = price(u64::MAX)),
        pieces("compute limit one above the cap", Code::ComputeLimitTooHigh, |_, f| {
            f.ixs[0] = limit(400_001)
        }),
        pieces("limit and price each allowed, dear together", Code::PriorityFeeTooHigh, |_, f| {
            (f.ixs[0], f.ixs[1]) = (limit(400_000), price(5_000_000));
        }),
        pieces("no compute limit", Code::ComputePriceInstruction, |_, f| {
            f.ixs.remove(0);
        }),
        pieces("no compute price", Code::ComputePriceInstruction, |_, f| {
            f.ixs.remove(1);
        }),
        pieces("neither compute limit nor price", Code::ComputeLimitInstruction, |_, f| {
            drop(f.ixs.drain(..2));
        }),
        pieces("price before limit", Code::ComputePriceInstruction, |_, f| f.ixs.swap(0, 1)),
        pieces("compute limit after the transfer", Code::ComputeLimitInstruction, |_, f| f.ixs.swap(0, 2)),
        pieces("compute limit twice", Code::InstructionOrder, |_, f| f.ixs.insert(1, limit(9))),
        pieces("compute price twice", Code::InstructionOrder, |_, f| f.ixs.push(price(9))),
        pieces("compute limit of five bytes", Code::ComputeLimitInstruction, |_, f| f.ixs[0].data.push(0)),
        pieces("compute price of seven bytes", Code::ComputePriceInstruction, |_, f| {
            f.ixs[1].data.truncate(8)
        }),
        pieces("a larger heap", Code::ComputeBudgetInstruction, |_, f| {
            f.ixs.insert(2, ix(BUDGET, &[], &[1, 0, 0, 4, 0]));
        }),
        pieces("more loaded bytes", Code::ComputeBudgetInstruction, |_, f| {
            f.ixs.push(ix(BUDGET, &[], &[4, 0, 0, 0, 4]));
        }),
        pieces("an empty compute budget instruction", Code::ComputeBudgetInstruction, |_, f| {
            f.ixs.push(ix(BUDGET, &[], &[]));
        }),
        pieces("a second signer", Code::ExcessiveSigners, |_, f| f.ixs[3].accounts.push(signs(other()))),
    ]
}

/// What would not pay the payee what was asked.
fn against_the_payee() -> Vec<Row> {
    vec![
        pieces("one unit less", Code::ValueMismatch, |_, f| amount(f, PRICE - 1)),
        pieces("one unit more", Code::ValueMismatch, |_, f| amount(f, PRICE + 1)),
        pieces("nothing", Code::ValueMismatch, |_, f| amount(f, 0)),
        pieces("into a stranger's account", Code::RecipientMismatch, |b, f| {
            f.ixs[TRANSFER].accounts[2] = writes(b.ata(&other()));
        }),
        pieces("into the payee's wallet itself", Code::RecipientMismatch, |_, f| {
            f.ixs[TRANSFER].accounts[2] = writes(payee());
        }),
        pieces("into the payee's account under the other token program", Code::RecipientMismatch, |b, f| {
            let wrong = address::ata(&payee(), &b.mint, TokenProgram::Token2022);
            f.ixs[TRANSFER].accounts[2] = writes(wrong);
        }),
        pieces("another mint", Code::AssetMismatch, |_, f| {
            f.ixs[TRANSFER].accounts[1] = reads(Pubkey::new_from_array([3; 32]));
        }),
        pieces("out of a stranger's account", Code::SourceMismatch, |b, f| {
            f.ixs[TRANSFER].accounts[0] = writes(b.ata(&other()));
        }),
        pieces("wrong decimals", Code::DecimalsMismatch, |_, f| f.ixs[TRANSFER].data[9] = 9),
        pieces("the other token program throughout", Code::NoTransferInstruction, |b, f| {
            let program = TokenProgram::Token2022;
            f.ixs[TRANSFER].program = program.id();
            f.ixs[TRANSFER].accounts[0] = writes(address::ata(&me(), &b.mint, program));
            f.ixs[TRANSFER].accounts[2] = writes(address::ata(&payee(), &b.mint, program));
        }),
        pieces("a program of one's own instead of the transfer", Code::UnknownInstruction, |_, f| {
            f.ixs[TRANSFER].program = other();
        }),
        pieces("no transfer at all", Code::NoTransferInstruction, |_, f| {
            f.ixs[TRANSFER] = guard(&[signs(me())]);
        }),
        pieces("a transfer with a multisig's signers", Code::NoTransferInstruction, |_, f| {
            f.ixs[TRANSFER].accounts.push(reads(other()));
        }),
        pieces("a transfer with three accounts", Code::NoTransferInstruction, |_, f| {
            f.ixs[TRANSFER].accounts.remove(1);
        }),
        pieces("a transfer with a byte too many", Code::NoTransferInstruction, |_, f| {
            f.ixs[TRANSFER].data.push(0)
        }),
        pieces("an unchecked transfer", Code::TokenInstruction, |_, f| {
            f.ixs[TRANSFER].data = [&[3][..], &PRICE.to_le_bytes()].concat();
        }),
        pieces("a transfer that names its fee", Code::TokenInstruction, |_, f| {
            f.ixs[TRANSFER].data = [&[26, 1][..], &PRICE.to_le_bytes(), &[6], &[0; 8]].concat();
        }),
        pieces("an extra transfer to somebody else", Code::ExtraTransfer, |b, f| {
            let mut extra = f.ixs[TRANSFER].clone();
            extra.accounts[2] = writes(b.ata(&other()));
            f.ixs.push(extra);
        }),
        pieces("the transfer twice", Code::ExtraTransfer, |_, f| {
            let twice = f.ixs[TRANSFER].clone();
            f.ixs.insert(3, twice);
        }),
        pieces("approve", Code::TokenApproval, |b, f| {
            let accounts = [writes(b.ata(&me())), reads(other()), signs(me())];
            f.ixs.push(token(b, 4, &[255; 8], &accounts));
        }),
        pieces("approve checked, before the transfer", Code::TokenApproval, |b, f| {
            let accounts = [writes(b.ata(&me())), reads(b.mint), reads(other()), signs(me())];
            f.ixs.insert(2, token(b, 13, &[255; 9], &accounts));
        }),
        pieces("revoke", Code::TokenApproval, |b, f| {
            f.ixs.push(token(b, 5, &[], &[writes(b.ata(&me())), signs(me())]));
        }),
        pieces("set authority", Code::TokenAuthority, |b, f| {
            let new = [&[2, 1][..], other().as_array()].concat();
            f.ixs.push(token(b, 6, &new, &[writes(b.ata(&me())), signs(me())]));
        }),
        pieces("close account", Code::TokenAccountClosed, |b, f| {
            f.ixs.push(token(b, 9, &[], &[writes(b.ata(&me())), writes(me()), signs(me())]));
        }),
        pieces("burn", Code::TokenInstruction, |b, f| {
            f.ixs.push(token(b, 8, &[1; 8], &[writes(b.ata(&me())), writes(b.mint), signs(me())]));
        }),
        pieces("a token account made on the way", Code::AccountCreation, |b, f| {
            let accounts = [
                Meta { key: me(), signs: true, writes: true },
                writes(b.ata(&payee())),
                reads(payee()),
                reads(b.mint),
            ];
            f.ixs.insert(2, ix(address::ASSOCIATED_TOKEN, &accounts, &[1]));
        }),
        pieces("a durable nonce", Code::DurableNonce, |_, f| {
            f.ixs.insert(0, ix(SYSTEM, &[writes(other()), signs(me())], &[4, 0, 0, 0]));
        }),
        pieces("a memo above its limit", Code::MemoTooLong, |_, f| f.ixs[3] = memo(&[b'a'; 257])),
        pieces("a memo before the transfer", Code::InstructionOrder, |_, f| f.ixs.swap(2, 3)),
        pieces("too few instructions", Code::InstructionCount, |_, f| f.ixs.truncate(2)),
        pieces("eight instructions", Code::InstructionCount, |_, f| f.ixs.extend(vec![guard(&[]); 4])),
        pieces("a lookup table", Code::AddressLookupTable, |_, f| {
            f.tables = vec![(other(), vec![0], vec![1])]
        }),
        pieces("an empty lookup table", Code::AddressLookupTable, |_, f| {
            f.tables = vec![(other(), vec![], vec![])]
        }),
        pieces("accounts out of a lookup table", Code::AddressLookupTable, |_, f| {
            f.tables = vec![(other(), vec![0, 1], vec![])];
            f.stray = vec![u8::try_from(f.metas().len()).unwrap()];
        }),
        pieces("an account that is not there", Code::TransactionAccounts, |_, f| f.stray = vec![200]),
        pieces("a blockhash of another chain", Code::BlockhashNotFound, |_, f| f.blockhash = [0xee; 32]),
    ]
}

/// Message position: after the signatures.
const MESSAGE: usize = 1 + 2 * 64;

/// What cannot be read in one way only, or was not signed.
fn against_the_format() -> Vec<Row> {
    vec![
        bytes("no signature", Code::SignatureMissing, |b| b[65..129].fill(0)),
        bytes("a garbage signature", Code::InvalidSignature, |b| b[65..129].fill(0x5a)),
        bytes("the signature with one bit flipped", Code::InvalidSignature, |b| b[70] ^= 1),
        bytes("the signature in the fee payer's place", Code::SignatureMissing, |b| {
            let (fee_payer, payer) = b[1..129].split_at_mut(64);
            fee_payer.swap_with_slice(payer);
        }),
        bytes("another message under the signature", Code::InvalidSignature, |b| {
            *b.last_chunk_mut::<4>().unwrap() = *b"\x01aa\0"
        }),
        bytes("the same signature with s + L", Code::InvalidSignature, |b| {
            // s and s + L are the same scalar; only the smaller is canonical.
            const L: [u8; 32] = [
                0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
                0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
            ];
            let mut carry = 0;
            for (byte, l) in b[97..129].iter_mut().zip(L) {
                let sum = u16::from(*byte) + u16::from(l) + carry;
                [*byte, _] = sum.to_le_bytes();
                carry = sum >> 8;
            }
        }),
        bytes("a trailing byte", Code::TransactionTrailingBytes, |b| b.push(0)),
        bytes("cut short", Code::UndecodableTransaction, |b| b.truncate(b.len() - 1)),
        bytes("empty", Code::UndecodableTransaction, Vec::clear),
        bytes("above a packet", Code::TooLarge, |b| b.resize(PACKET_BYTES_MAX + 1, 0)),
        bytes("a number of signatures spelled in two bytes", Code::TransactionNonCanonical, |b| {
            b.splice(0..1, [0x82, 0]);
        }),
        bytes("a number of accounts spelled in two bytes", Code::TransactionNonCanonical, |b| {
            let count = b[MESSAGE + 4];
            b.splice(MESSAGE + 4..MESSAGE + 5, [count | 0x80, 0]);
        }),
        bytes("version 1", Code::TransactionVersion, |b| b[MESSAGE] = 0x81),
        bytes("version 127", Code::TransactionVersion, |b| b[MESSAGE] = 0xff),
        bytes("three signers announced, two signatures", Code::TransactionAccounts, |b| b[MESSAGE + 1] = 3),
        bytes("no signers", Code::TransactionAccounts, |b| b[MESSAGE + 1] = 0),
        bytes("all signers read-only", Code::TransactionAccounts, |b| b[MESSAGE + 2] = 2),
        bytes("more accounts read-only than there are", Code::TransactionAccounts, |b| b[MESSAGE + 3] = 7),
        bytes("an account twice", Code::TransactionAccounts, |b| {
            let keys = MESSAGE + 5;
            b.copy_within(keys + 64..keys + 96, keys + 96);
        }),
        bytes("the fee payer called as a program", Code::TransactionAccounts, |b| {
            let instructions = MESSAGE + 5 + 8 * 32 + 32;
            assert_eq!(b[instructions], 4);
            b[instructions + 1] = 0;
        }),
    ]
}

pub fn rows() -> Vec<Row> {
    [against_the_sponsor(), against_the_payee(), against_the_format()].into_iter().flatten().collect()
}
