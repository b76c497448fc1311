//! The program of a trial: EVM code that makes calls and returns what it saw.
//!
//! ```text
//! program:  frame(reads) · frame(calls) · block number, time, the account's code → RETURN
//! frame:    CREATE of a program of its own, that makes its calls, writes one record each, and REVERTs with them
//! record:   succeeded · gas used · code size of the callee · bytes returned · the first 256 of them
//! ```
//! A frame that reverts leaves neither changes nor warm slots behind, so the calls begin on the very state that a
//! transaction would begin on, and their gas is a transaction's. Before a call its target is touched, because a
//! transaction's own target is warm.

use super::{Bounded, Tried, TriedCall};
use crate::Looked;
use crate::number::to_u64;
use crate::signature::AccountCode;
use alloy::primitives::{Address, B256, Bytes, U256};
use tollway_core::{Code, Error, Result, Time};

/// Bytes kept of what a call returned.
const KEPT: usize = 256;
/// Bytes of a record: four words, and what is kept.
const RECORD: usize = 128 + KEPT;
/// Bytes before the records: block number, time, and of the account the code's size, hash and first word.
const HEADER: usize = 160;

const SUB: u8 = 0x03;
const RETURNDATASIZE: u8 = 0x3d;
const RETURNDATACOPY: u8 = 0x3e;
const CODECOPY: u8 = 0x39;
const EXTCODESIZE: u8 = 0x3b;
const EXTCODECOPY: u8 = 0x3c;
const EXTCODEHASH: u8 = 0x3f;
const TIMESTAMP: u8 = 0x42;
const NUMBER: u8 = 0x43;
const POP: u8 = 0x50;
const MSTORE: u8 = 0x52;
const GAS: u8 = 0x5a;
const SWAP1: u8 = 0x90;
const CREATE: u8 = 0xf0;
const CALL: u8 = 0xf1;
const RETURN: u8 = 0xf3;
const REVERT: u8 = 0xfd;

/// Code that is being written, and the data behind it.
struct Asm {
    code: Vec<u8>,
    data: Vec<u8>,
    /// Where in the code stands a place in the data, as a number of eight bytes. The data begins where the code ends.
    places: Vec<usize>,
}

/// Bytes of code that are enough for one call, or for what frames the calls.
const CODE_EACH: usize = 320;

impl Asm {
    fn op(&mut self, op: u8) -> &mut Self {
        self.code.push(op);
        self
    }

    /// Eight bytes whatever the number, so that the length of the code depends on no value in it.
    fn number(&mut self, n: u64) -> &mut Self {
        self.code.push(0x67);
        self.code.extend(n.to_be_bytes());
        self
    }

    fn size(&mut self, n: usize) -> &mut Self {
        self.number(u64::try_from(n).unwrap_or(u64::MAX))
    }

    fn address(&mut self, address: Address) -> &mut Self {
        self.code.push(0x73);
        self.code.extend(address);
        self
    }

    fn store_at(&mut self, place: usize) -> &mut Self {
        self.size(place).op(MSTORE)
    }

    /// Copies these bytes from behind the code to a place in memory.
    fn put(&mut self, bytes: &[u8], place: usize) -> &mut Self {
        let from = self.data.len();
        self.data.extend(bytes);
        self.size(bytes.len());
        self.places.push(self.code.len().saturating_add(1));
        self.size(from).size(place).op(CODECOPY)
    }

    /// The program of `calls` calls with `bytes` bytes of data, more or less.
    fn assemble(calls: usize, bytes: usize, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let code = calls.saturating_add(1).saturating_mul(CODE_EACH);
        let mut asm = Self {
            code: Vec::with_capacity(code.saturating_add(bytes)),
            data: Vec::with_capacity(bytes),
            places: Vec::with_capacity(calls),
        };
        write(&mut asm);
        let Self { mut code, data, places } = asm;
        let data_at = u64::try_from(code.len()).unwrap_or(u64::MAX);
        for place in places {
            if let Some(number) = code.get_mut(place..).and_then(|rest| rest.first_chunk_mut::<8>()) {
                *number = u64::from_be_bytes(*number).saturating_add(data_at).to_be_bytes();
            }
        }
        code.extend(data);
        code
    }
}

/// The program for these frames.
pub(super) fn program(account: Address, frames: [&[Bounded]; 2]) -> Vec<u8> {
    let codes = frames.map(frame);
    let answer = answer_bytes(frames.iter().map(|calls| calls.len()).sum());
    let bytes = codes.iter().fold(0usize, |sum, code| sum.saturating_add(code.len()));
    Asm::assemble(codes.len(), bytes, |asm| {
        let mut place = HEADER;
        for (code, calls) in codes.iter().zip(frames) {
            let bytes = RECORD.saturating_mul(calls.len());
            asm.put(code, answer).size(code.len()).size(answer).number(0).op(CREATE).op(POP);
            // Fails, and all with it, when the frame did not get as far as its records.
            asm.size(bytes).number(0).size(place).op(RETURNDATACOPY);
            place = place.saturating_add(bytes);
        }
        asm.op(NUMBER).store_at(0).op(TIMESTAMP).store_at(32);
        asm.address(account).op(EXTCODESIZE).store_at(64);
        asm.address(account).op(EXTCODEHASH).store_at(96);
        asm.number(32).number(0).number(128).address(account).op(EXTCODECOPY);
        asm.size(answer).number(0).op(RETURN);
    })
}

fn frame(calls: &[Bounded]) -> Vec<u8> {
    let records = RECORD.saturating_mul(calls.len());
    let bytes = calls.iter().fold(0usize, |sum, bounded| sum.saturating_add(bounded.call.data.len()));
    Asm::assemble(calls.len(), bytes, |asm| {
        let mut place = 0usize;
        for Bounded { call, gas } in calls {
            let word = |n: usize| place.saturating_add(n.saturating_mul(32));
            asm.put(&call.data, records);
            asm.address(call.to).op(EXTCODESIZE).store_at(word(2));
            asm.op(GAS);
            asm.size(KEPT).size(word(4)).size(call.data.len()).size(records).number(0);
            asm.address(call.to).number(*gas).op(CALL);
            asm.op(GAS).op(SWAP1).store_at(word(0));
            asm.op(SWAP1).op(SUB).store_at(word(1));
            asm.op(RETURNDATASIZE).store_at(word(3));
            place = place.saturating_add(RECORD);
        }
        asm.size(records).number(0).op(REVERT);
    })
}

/// Bytes that the program for so many calls returns.
pub(super) fn answer_bytes(calls: usize) -> usize {
    HEADER.saturating_add(RECORD.saturating_mul(calls))
}

/// What the program returned.
pub(super) fn read(returned: &Bytes, reads: usize, calls: usize) -> Result<Tried> {
    let all = answer_bytes(reads.saturating_add(calls));
    if returned.len() != all {
        let found = returned.len();
        return Err(Error::network(Code::InvalidAnswer)
            .detail(format!("a trial's program returns {all} bytes; the node returned {found}")));
    }
    let code = AccountCode::of(
        usize::try_from(word(returned, 64)).unwrap_or(usize::MAX),
        B256::from(word(returned, 96)),
        returned.get(128..HEADER).unwrap_or_default(),
    );
    let mut records = returned.get(HEADER..).unwrap_or_default().chunks_exact(RECORD).map(record);
    let results = records.by_ref().take(reads).map(|record| record.result).collect();
    let looked = Looked {
        block: to_u64(word(returned, 0), "block number")?,
        time: Time::from_secs(to_u64(word(returned, 32), "block time")?),
        results,
    };
    Ok(Tried { looked, code, calls: records.collect() })
}

fn word(bytes: &[u8], at: usize) -> U256 {
    bytes.get(at..at.saturating_add(32)).map(U256::from_be_slice).unwrap_or_default()
}

fn record(bytes: &[u8]) -> TriedCall {
    let returned = usize::try_from(word(bytes, 96)).unwrap_or(usize::MAX).min(KEPT);
    let kept = bytes.get(128..).and_then(|all| all.get(..returned)).unwrap_or_default();
    let kept = Bytes::copy_from_slice(kept);
    let result = if word(bytes, 0).is_zero() { Err(kept) } else { Ok(kept) };
    TriedCall { result, gas: u64::try_from(word(bytes, 32)).ok() }
}
