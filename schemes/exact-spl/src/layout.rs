//! What the instructions of a payment are, and in which order.
//!
//! ```text
//! SetComputeUnitLimit · SetComputeUnitPrice · TransferChecked · Memo*      and Lighthouse anywhere
//! ```
//!
//! Everything else is refused by name. Nothing here looks at who is paid; that is `shape`'s part.
//! Source: x402 v2 `scheme_exact_svm`.

use crate::program::{
    ASSOCIATED_TOKEN, COMPUTE_BUDGET, LIGHTHOUSE, MEMO, MEMO_MAX, SYSTEM, TOKEN, TOKEN_2022, op,
};
use crate::wire::{self, Instruction, Tx};
use arrayvec::ArrayVec;
use tollway_core::{Code, Error, Result};
use tollway_solana::{Pubkey, TokenProgram};

/// The parts of a payment's transaction.
pub(crate) struct Layout<'a> {
    /// Compute units at most.
    pub(crate) limit: u32,
    /// Micro-lamports per compute unit.
    pub(crate) price: u64,
    /// The program of the transfer.
    pub(crate) program: TokenProgram,
    /// The transfer.
    pub(crate) transfer: Instruction<'a>,
    /// What the memos say.
    pub(crate) memos: ArrayVec<&'a [u8], { wire::INSTRUCTIONS_MAX }>,
}

/// Limit, price and transfer; with a memo, and what wallets add, up to seven.
const INSTRUCTIONS_MIN: usize = 3;
const INSTRUCTIONS_MAX: usize = 7;

/// What is found on the way through the instructions.
#[derive(Default)]
struct Found<'a> {
    limit: Option<u32>,
    price: Option<u64>,
    transfer: Option<(TokenProgram, Instruction<'a>)>,
    memos: ArrayVec<&'a [u8], { wire::INSTRUCTIONS_MAX }>,
}

impl<'a> Layout<'a> {
    /// Sorts the instructions out.
    ///
    /// # Errors
    /// One code per fault; see the arms below.
    pub(crate) fn of(tx: &Tx<'a>) -> Result<Self> {
        if tx.tables > 0 {
            return Err(Error::payer(Code::AddressLookupTable).detail(format!(
                "it loads accounts from {} lookup tables; a plain payment needs none",
                tx.tables
            )));
        }
        isolated(tx)?;
        let mut found = Found::default();
        for (place, ix) in tx.instructions().iter().enumerate() {
            found.take(place, tx.key(ix.program).unwrap_or_default(), ix)?;
        }
        if !(INSTRUCTIONS_MIN..=INSTRUCTIONS_MAX).contains(&tx.count) {
            return Err(Error::payer(Code::InstructionCount).detail(format!(
                "{} instructions; {INSTRUCTIONS_MIN} to {INSTRUCTIONS_MAX} make a payment",
                tx.count
            )));
        }
        let Found { limit: Some(limit), price: Some(price), transfer: Some((program, transfer)), memos } =
            found
        else {
            return Err(no_transfer("compute limit and price, then a checked transfer would be right"));
        };
        Ok(Self { limit, price, program, transfer, memos })
    }
}

/// The fee payer signs the whole transaction, so whatever instruction named it could spend in its name. It
/// may stand nowhere but in its own place, with one exception that has a word of its own: as the transfer's
/// authority.
pub(crate) fn isolated(tx: &Tx<'_>) -> Result<()> {
    for (place, ix) in tx.instructions().iter().enumerate() {
        // Accounts are listed once each, and calling the fee payer was refused when the transaction was read.
        let Some(at) = ix.accounts.iter().position(|index| *index == 0) else { continue };
        let program = tx.key(ix.program).and_then(|key| TokenProgram::at(&key));
        let transferring =
            program.is_some() && ix.data.first() == Some(&op::TRANSFER_CHECKED) && at == AUTHORITY;
        let code = if transferring { Code::FeePayerTransferring } else { Code::FeePayerExposed };
        return Err(
            Error::payer(code).detail(format!("instruction {place} names the fee payer as its account {at}"))
        );
    }
    Ok(())
}

/// Where a checked transfer names who allows it: source, mint, destination, authority.
const AUTHORITY: usize = 3;

impl<'a> Found<'a> {
    fn take(&mut self, place: usize, program: Pubkey, ix: &Instruction<'a>) -> Result<()> {
        let refuse =
            |code, words: &str| Err(Error::payer(code).detail(format!("instruction {place} {words}")));
        match program {
            COMPUTE_BUDGET => self.budget(place, ix),
            TOKEN => self.token(place, TokenProgram::Token, ix),
            TOKEN_2022 => self.token(place, TokenProgram::Token2022, ix),
            MEMO => self.memo(place, ix),
            LIGHTHOUSE => Ok(()),
            SYSTEM if ix.data.starts_with(&op::ADVANCE_NONCE) => {
                refuse(Code::DurableNonce, "advances a durable nonce: the payment would never expire")
            }
            SYSTEM => refuse(Code::SystemInstruction, "calls the system program"),
            ASSOCIATED_TOKEN => {
                refuse(Code::AccountCreation, "makes a token account; it has to exist before the payment")
            }
            other => {
                refuse(Code::UnknownInstruction, &format!("calls {other}, which has no part in a payment"))
            }
        }
    }

    /// Limit first, price second, once each.
    fn budget(&mut self, place: usize, ix: &Instruction<'a>) -> Result<()> {
        let (op, value) = ix.data.split_first().map_or((None, &[][..]), |(op, value)| (Some(*op), value));
        let wrong =
            |code, words: &str| Err(Error::payer(code).detail(format!("instruction {place}: {words}")));
        match op {
            Some(op::COMPUTE_LIMIT) if self.limit.is_some() => {
                wrong(Code::InstructionOrder, "a second compute limit")
            }
            Some(op::COMPUTE_PRICE) if self.price.is_some() => {
                wrong(Code::InstructionOrder, "a second compute price")
            }
            Some(op::COMPUTE_LIMIT) => match value.try_into().map(u32::from_le_bytes) {
                Ok(limit) if self.is_empty() => {
                    self.limit = Some(limit);
                    Ok(())
                }
                Ok(_) => wrong(Code::ComputeLimitInstruction, "the compute limit comes first"),
                Err(_) => wrong(Code::ComputeLimitInstruction, "a compute limit has four bytes"),
            },
            Some(op::COMPUTE_PRICE) => match value.try_into().map(u64::from_le_bytes) {
                Ok(price) if self.limit.is_some() && self.transfer.is_none() && self.memos.is_empty() => {
                    self.price = Some(price);
                    Ok(())
                }
                Ok(_) => {
                    wrong(Code::ComputePriceInstruction, "the compute price comes second, after the limit")
                }
                Err(_) => wrong(Code::ComputePriceInstruction, "a compute price has eight bytes"),
            },
            _ => wrong(Code::ComputeBudgetInstruction, "only compute limit and price may be set"),
        }
    }

    fn token(&mut self, place: usize, program: TokenProgram, ix: &Instruction<'a>) -> Result<()> {
        let refuse =
            |code, words: &str| Err(Error::payer(code).detail(format!("instruction {place} {words}")));
        match ix.data.first() {
            Some(&op::TRANSFER_CHECKED) if self.transfer.is_some() => {
                refuse(Code::ExtraTransfer, "transfers once more")
            }
            Some(&op::TRANSFER_CHECKED) if !self.memos.is_empty() => {
                refuse(Code::InstructionOrder, "transfers after a memo; memos come last")
            }
            Some(&op::TRANSFER_CHECKED) if self.limit.is_none() => {
                refuse(Code::ComputeLimitInstruction, "transfers, and no compute limit came before")
            }
            Some(&op::TRANSFER_CHECKED) if self.price.is_none() => {
                refuse(Code::ComputePriceInstruction, "transfers, and no compute price came before")
            }
            Some(&op::TRANSFER_CHECKED) => {
                self.transfer = Some((program, *ix));
                Ok(())
            }
            Some(op) if op::APPROVALS.contains(op) => {
                refuse(Code::TokenApproval, "gives or takes the right to draw on an account")
            }
            Some(&op::SET_AUTHORITY) => refuse(Code::TokenAuthority, "hands an account over"),
            Some(&op::CLOSE_ACCOUNT) => refuse(Code::TokenAccountClosed, "closes an account"),
            Some(&(op::TRANSFER | op::TRANSFER_FEE_EXTENSION)) => {
                refuse(Code::TokenInstruction, "is another transfer than TransferChecked")
            }
            _ => refuse(Code::TokenInstruction, "is not a checked transfer"),
        }
    }

    fn memo(&mut self, place: usize, ix: &Instruction<'a>) -> Result<()> {
        if ix.data.len() > MEMO_MAX {
            return Err(Error::payer(Code::MemoTooLong).detail(format!(
                "instruction {place}: a memo of {} bytes; {MEMO_MAX} are the most",
                ix.data.len()
            )));
        }
        // As many as there are instructions fit.
        let _ = self.memos.try_push(ix.data);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.limit.is_none() && self.price.is_none() && self.transfer.is_none() && self.memos.is_empty()
    }
}

fn no_transfer(words: &str) -> Error {
    Error::payer(Code::NoTransferInstruction).detail(words)
}
