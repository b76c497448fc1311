//! Writing transactions: instructions in, the bytes that are signed out. Always version 0, without lookup
//! tables.

use crate::program::{ASSOCIATED_TOKEN, COMPUTE_BUDGET, MEMO, SYSTEM, op};
use crate::shape::{Budget, Transfer};
use tollway_core::{Code, Error, Result};
use tollway_solana::{Hash, Pubkey, TokenProgram};

/// What an instruction does with an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    // In the order in which the accounts of a message stand.
    SignsAndWrites,
    Signs,
    Writes,
    Reads,
}

impl Access {
    /// Both at once.
    fn and(self, other: Self) -> Self {
        let signs = |a| matches!(a, Self::SignsAndWrites | Self::Signs);
        let writes = |a| matches!(a, Self::SignsAndWrites | Self::Writes);
        match (signs(self) || signs(other), writes(self) || writes(other)) {
            (true, true) => Self::SignsAndWrites,
            (true, false) => Self::Signs,
            (false, true) => Self::Writes,
            (false, false) => Self::Reads,
        }
    }
}

struct Call {
    program: Pubkey,
    accounts: Vec<(Pubkey, Access)>,
    data: Vec<u8>,
}

impl Call {
    fn new(program: Pubkey, accounts: &[(Pubkey, Access)], data: Vec<u8>) -> Self {
        Self { program, accounts: accounts.to_vec(), data }
    }
    fn limit(units: u32) -> Self {
        Self::new(COMPUTE_BUDGET, &[], [&[op::COMPUTE_LIMIT][..], &units.to_le_bytes()].concat())
    }
    fn price(micro_lamports: u64) -> Self {
        Self::new(COMPUTE_BUDGET, &[], [&[op::COMPUTE_PRICE][..], &micro_lamports.to_le_bytes()].concat())
    }
}

/// A payment to be made.
pub(crate) struct Paying<'a> {
    pub(crate) transfer: &'a Transfer,
    pub(crate) budget: &'a Budget,
    pub(crate) mint: Pubkey,
    /// Atomic units.
    pub(crate) amount: u64,
    pub(crate) memo: &'a str,
}

/// The message of a payment: limit, price, one checked transfer, one memo.
///
/// # Errors
/// [`Code::Internal`], should it not fit its own format.
pub(crate) fn payment(it: &Paying<'_>, blockhash: &Hash) -> Result<Vec<u8>> {
    let Paying { transfer, budget, mint, amount, memo } = it;
    let accounts = [
        (transfer.source, Access::Writes),
        (*mint, Access::Reads),
        (transfer.destination, Access::Writes),
        (transfer.payer, Access::Signs),
    ];
    let data = [&[op::TRANSFER_CHECKED][..], &amount.to_le_bytes(), &[transfer.decimals]].concat();
    let calls = [
        Call::limit(budget.limit),
        Call::price(budget.price),
        Call::new(transfer.program.id(), &accounts, data),
        Call::new(MEMO, &[], memo.as_bytes().to_vec()),
    ];
    compile(&budget.fee_payer, &calls, blockhash)
}

/// A token account to be made.
pub(crate) struct Opening {
    /// Who pays its rent, and the transaction.
    pub(crate) payer: Pubkey,
    /// Whose it is.
    pub(crate) owner: Pubkey,
    pub(crate) mint: Pubkey,
    pub(crate) program: TokenProgram,
    /// Its address.
    pub(crate) account: Pubkey,
    /// Compute units at most, and micro-lamports for each.
    pub(crate) budget: (u32, u64),
}

/// The message that makes a token account unless it is there already.
///
/// # Errors
/// [`Code::Internal`], should it not fit its own format.
pub(crate) fn opening(it: &Opening, blockhash: &Hash) -> Result<Vec<u8>> {
    let accounts = [
        (it.payer, Access::SignsAndWrites),
        (it.account, Access::Writes),
        (it.owner, Access::Reads),
        (it.mint, Access::Reads),
        (SYSTEM, Access::Reads),
        (it.program.id(), Access::Reads),
    ];
    let (units, price) = it.budget;
    let calls = [
        Call::limit(units),
        Call::price(price),
        Call::new(ASSOCIATED_TOKEN, &accounts, vec![op::CREATE_IDEMPOTENT]),
    ];
    compile(&it.payer, &calls, blockhash)
}

/// Signatures in front of a message: who has not signed yet is a row of zeros.
pub(crate) fn wire(signatures: &[[u8; 64]], message: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(message.len().saturating_add(129));
    length(&mut out, signatures.len())?;
    signatures.iter().for_each(|signature| out.extend_from_slice(signature));
    out.extend_from_slice(message);
    Ok(out)
}

fn compile(fee_payer: &Pubkey, calls: &[Call], blockhash: &Hash) -> Result<Vec<u8>> {
    let accounts = accounts(fee_payer, calls);
    let place = |key: &Pubkey| {
        let at = accounts.iter().position(|(k, _)| k == key).ok_or_else(unfit)?;
        u8::try_from(at).map_err(|_| unfit())
    };
    let count = |accesses: &[Access]| {
        let count = accounts.iter().filter(|(_, a)| accesses.contains(a)).count();
        u8::try_from(count).map_err(|_| unfit())
    };
    let mut out = vec![
        0x80,
        count(&[Access::SignsAndWrites, Access::Signs])?,
        count(&[Access::Signs])?,
        count(&[Access::Reads])?,
    ];
    length(&mut out, accounts.len())?;
    accounts.iter().for_each(|(key, _)| out.extend_from_slice(key.as_array()));
    out.extend_from_slice(blockhash.as_bytes());
    length(&mut out, calls.len())?;
    for call in calls {
        out.push(place(&call.program)?);
        length(&mut out, call.accounts.len())?;
        for (key, _) in &call.accounts {
            out.push(place(key)?);
        }
        length(&mut out, call.data.len())?;
        out.extend_from_slice(&call.data);
    }
    // No lookup tables.
    length(&mut out, 0)?;
    Ok(out)
}

/// Every account once, with all that is done with it; the fee payer first, then by kind.
fn accounts(fee_payer: &Pubkey, calls: &[Call]) -> Vec<(Pubkey, Access)> {
    let mut all = vec![(*fee_payer, Access::SignsAndWrites)];
    let programs = calls.iter().map(|call| (call.program, Access::Reads));
    for (key, access) in calls.iter().flat_map(|call| call.accounts.iter().copied()).chain(programs) {
        match all.iter_mut().find(|(k, _)| *k == key) {
            Some((_, known)) => *known = known.and(access),
            None => all.push((key, access)),
        }
    }
    // Stable, so the fee payer stays first.
    all.sort_by_key(|(_, access)| *access);
    all
}

/// A compact-u16, spelled the shortest way.
fn length(out: &mut Vec<u8>, length: usize) -> Result<()> {
    let mut rest = u16::try_from(length).map_err(|_| unfit())?;
    loop {
        let [low, _] = (rest & 0x7f).to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return Ok(());
        }
        out.push(low | 0x80);
    }
}

fn unfit() -> Error {
    Error::us(Code::Internal).detail("a transaction that does not fit its own format")
}
