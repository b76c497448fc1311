//! Payments of smart wallets: the transfer happens inside another program, so the transaction is judged by
//! what it does.
//!
//! Only where seller and settler both want it. What can be seen without a node is checked here: who pays the
//! fee and that nothing else can use its signature, which programs are called, what it may cost, and every
//! signature. That the payee is paid shows in a trial before ([`paid`]), and again in the confirmed
//! transaction, because a program may do one thing in a trial and another in a block.
//!
//! Source: x402 v2 `scheme_exact_svm`, path 2. Stricter in one thing: no lookup tables, so that nothing has
//! to be resolved to know that the fee payer stands apart.

use crate::asked::Asked;
use crate::layout::isolated;
use crate::program::{COMPUTE_BUDGET, LIGHTHOUSE, MEMO, MEMO_MAX, SMART_WALLETS, op};
use crate::shape::{self, Budget, Judged};
use crate::wire::{INSTRUCTIONS_MAX, Instruction, Tx};
use arrayvec::ArrayVec;
use tollway_core::{Code, Error, Result};
use tollway_solana::{Call, Inner, Pubkey, Recorded, TokenProgram};

/// Micro-lamports per compute unit at most. Source: x402 v2 `scheme_exact_svm`, path 2.
const PRICE_MAX: u64 = 50_000;

/// True when a smart wallet is called: such a transaction is never a plain payment.
pub(crate) fn calls_one(tx: &Tx<'_>) -> bool {
    tx.instructions().iter().filter_map(|ix| tx.key(ix.program)).any(|key| SMART_WALLETS.contains(&key))
}

/// Judges what can be seen without a node.
///
/// # Errors
/// [`Code::SmartWalletProgram`] for other programs than wallets, memo and assertions; the codes of plain
/// payments for fee payer, compute budget, memo and signatures.
pub(crate) fn judge(asked: &Asked<'_>, tx: &Tx<'_>) -> Result<Judged> {
    if tx.fee_payer() != asked.fee_payer {
        return Err(Error::payer(Code::FeePayerMismatch).detail(format!(
            "{} would pay the fee, {} was asked to",
            tx.fee_payer(),
            asked.fee_payer
        )));
    }
    if tx.tables > 0 {
        return Err(Error::payer(Code::AddressLookupTable)
            .detail("it loads accounts from lookup tables; none are read for a payment"));
    }
    if tx.count > INSTRUCTIONS_MAX {
        return Err(Error::payer(Code::InstructionCount)
            .detail(format!("{} instructions; {INSTRUCTIONS_MAX} are the most", tx.count)));
    }
    isolated(tx)?;
    let mut budget = Budget { fee_payer: asked.fee_payer, limit: 0, price: 0 };
    let mut memos: ArrayVec<&[u8], INSTRUCTIONS_MAX> = ArrayVec::new();
    for ix in tx.instructions() {
        match tx.key(ix.program).unwrap_or_default() {
            COMPUTE_BUDGET => set(&mut budget, ix)?,
            MEMO if ix.data.len() > MEMO_MAX => {
                return Err(
                    Error::payer(Code::MemoTooLong).detail(format!("a memo of {} bytes", ix.data.len()))
                );
            }
            MEMO => memos.push(ix.data),
            LIGHTHOUSE => {}
            wallet if SMART_WALLETS.contains(&wallet) => {}
            other => {
                return Err(Error::payer(Code::SmartWalletProgram)
                    .detail(format!("it calls {other}, which is no smart wallet that is known here")));
            }
        }
    }
    if budget.limit == 0 {
        // Without one the runtime's own default would hold, which is above what a sponsor pays for.
        return Err(Error::payer(Code::ComputeLimitInstruction).detail("no compute limit is set"));
    }
    shape::budget(budget.limit, budget.price, PRICE_MAX)?;
    shape::memos(asked.memo.as_deref(), &memos)?;
    Ok(Judged { budget, transfer: None, hash: shape::signed(tx)? })
}

/// Each at most once, and nothing else.
fn set(budget: &mut Budget, ix: &Instruction<'_>) -> Result<()> {
    let wrong = |code, words: &str| Err(Error::payer(code).detail(words));
    match ix.data.split_first() {
        Some((&op::COMPUTE_LIMIT, value)) if budget.limit == 0 => {
            match value.try_into().map(u32::from_le_bytes) {
                Ok(limit) if limit > 0 => budget.limit = limit,
                _ => {
                    return wrong(
                        Code::ComputeLimitInstruction,
                        "a compute limit has four bytes, and is not zero",
                    );
                }
            }
        }
        Some((&op::COMPUTE_PRICE, value)) if budget.price == 0 => {
            match value.try_into().map(u64::from_le_bytes) {
                Ok(price) => budget.price = price,
                Err(_) => return wrong(Code::ComputePriceInstruction, "a compute price has eight bytes"),
            }
        }
        Some((&(op::COMPUTE_LIMIT | op::COMPUTE_PRICE), _)) => {
            return wrong(Code::InstructionOrder, "compute limit and price may be set once each");
        }
        _ => return wrong(Code::ComputeBudgetInstruction, "only compute limit and price may be set"),
    }
    Ok(())
}

/// A transfer that a program made.
struct Moved {
    destination: Pubkey,
    authority: Pubkey,
    mint: Pubkey,
    amount: u64,
}

/// Who has paid: exactly one checked transfer of at least the amount went to `destination`, and none of the
/// `managed` keys allowed any.
///
/// # Errors
/// [`Code::SmartWalletTransfer`], [`Code::FeePayerTransferring`].
pub(crate) fn paid(
    asked: &Asked<'_>,
    destination: &Pubkey,
    managed: &[Pubkey],
    inner: &[Inner],
) -> Result<Pubkey> {
    let moved = || inner.iter().filter_map(moved);
    if moved().any(|m| managed.contains(&m.authority)) {
        return Err(
            Error::payer(Code::FeePayerTransferring).detail("a key that pays fees here allows a transfer")
        );
    }
    let fits = |m: &Moved| m.mint == asked.mint && m.destination == *destination && m.amount >= asked.amount;
    let mut fitting = moved().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.authority),
        (found, _) => {
            let words = if found.is_some() { "several transfers" } else { "no transfer" };
            Err(Error::payer(Code::SmartWalletTransfer).detail(format!(
                "{words} of {} atomic units into {destination}; exactly one would be right",
                asked.amount
            )))
        }
    }
}

/// Who has paid, by what a confirmed transaction did: [`paid`], and the payee's account has grown by as much.
///
/// # Errors
/// [`Code::TransferEventMismatch`]: it did something else in its block than in the trial.
pub(crate) fn delivered(
    asked: &Asked<'_>,
    destination: &Pubkey,
    managed: &[Pubkey],
    recorded: &Recorded,
) -> Result<Pubkey> {
    let wrong = |words: &str| {
        Error::payer(Code::TransferEventMismatch)
            .detail(format!("transaction {}: {words}", recorded.tx))
            .transaction(recorded.tx.clone())
    };
    let payer = paid(asked, destination, managed, &recorded.inner).map_err(|e| wrong(&e.detail))?;
    let grown = recorded.tokens.iter().find(|change| change.account == *destination);
    match grown {
        Some(change) if change.after.saturating_sub(change.before) >= asked.amount => Ok(payer),
        _ => Err(wrong("the payee's account has not grown by the amount")),
    }
}

/// Nodes tell token transfers by name, or leave them as they were.
fn moved(inner: &Inner) -> Option<Moved> {
    TokenProgram::at(&inner.program)?;
    match &inner.call {
        Call::Transfer { destination, authority, mint: Some(mint), amount, .. } => {
            Some(Moved { destination: *destination, authority: *authority, mint: *mint, amount: *amount })
        }
        Call::Plain { accounts, data } => {
            let ([_, mint, destination, authority, ..], [op::TRANSFER_CHECKED, amount @ .., _]) =
                (accounts.as_slice(), data.as_slice())
            else {
                return None;
            };
            let amount = u64::from_le_bytes(amount.try_into().ok()?);
            Some(Moved { destination: *destination, authority: *authority, mint: *mint, amount })
        }
        _ => None,
    }
}
