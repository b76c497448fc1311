//! What a signature would do, read from the message.

use crate::address::{ASSOCIATED_TOKEN, COMPUTE_BUDGET, account, asset, ata, of_account};
use crate::token::TokenProgram;
use crate::wire::{Call, Wire};
use solana_pubkey::Pubkey;
use tollway_core::custody::{Ask, Called, KeyPolicy, Leaving, Refusal};
use tollway_core::{Account, ChainId, Result};

/// Writes bytes into the log, and moves nothing.
const MEMO: Pubkey = Pubkey::from_str_const("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
/// Moves lamports, makes accounts, keeps durable nonces.
const SYSTEM: Pubkey = Pubkey::from_str_const("11111111111111111111111111111111");
/// Token programs: `TransferChecked(u64 amount, u8 decimals)` over source, mint, destination, authority.
const TRANSFER_CHECKED: u8 = 12;
/// What each signature costs. Source: Solana's fee structure.
const SIGNATURE_LAMPORTS: u128 = 5_000;
/// What an account costs per byte, those around its data included, which whoever makes it pays. Source:
/// `getMinimumBalanceForRentExemption`.
const BYTE_LAMPORTS: u128 = 6_960;
const OVERHEAD_BYTES: u128 = 128;
/// A token account of the first program.
const ACCOUNT_BYTES: u128 = 165;
/// One of Token-2022 has 170 bytes, and at most 195 with all that the extensions of today's mints demand of accounts: which
/// of them a mint has, no message says. The rest is for extensions to come.
const ACCOUNT_2022_BYTES: u128 = 256;
/// Where the associated token program is told whose account it is to make.
const PROGRAM_PLACE: usize = 5;

/// Each checks signatures that are in its data, and each of those costs as much as one of the transaction's. Source: Solana's
/// fee structure.
const PRECOMPILES: [Pubkey; 3] = [
    Pubkey::from_str_const("Ed25519SigVerify111111111111111111111111111"),
    Pubkey::from_str_const("KeccakSecp256k11111111111111111111111111111"),
    Pubkey::from_str_const("Secp256r1SigVerify1111111111111111111111111"),
];

/// Reads a message that `own` is to sign.
///
/// # Errors
/// [`tollway_core::Code::PolicyDenied`] for one that is not wholly there to be read.
pub(super) fn message(chain: ChainId, own: &Pubkey, policy: &KeyPolicy, bytes: &[u8]) -> Result<Ask> {
    let unread = |why| Refusal::Unknown(why).error();
    let (read, signatures) = Wire::of_message(bytes).ok_or_else(|| unread("no message of a transaction"))?;
    let calls =
        read.calls().ok_or_else(|| unread("accounts out of lookup tables, or bytes behind the end"))?;
    let mut ask = Ask::paid_by_others(chain);
    ask.fee = rent(own, &calls)
        .ok_or_else(|| unread("an account that is paid for and is of no token program that is known"))?;
    if read.fee_payer() == Some(*own) {
        if calls.iter().any(|call| PRECOMPILES.contains(&call.program)) {
            return Err(unread("a fee for signatures that a program checks"));
        }
        let (limit, price) = read.budget().ok_or_else(|| unread("a compute budget that cannot be read"))?;
        let priority = u128::from(limit).saturating_mul(price.into()).div_ceil(1_000_000);
        let base = u128::try_from(signatures).unwrap_or(u128::MAX).saturating_mul(SIGNATURE_LAMPORTS);
        ask.fee = Some(base.saturating_add(priority).saturating_add(ask.fee.unwrap_or(0)));
    }
    // One that does not name the key has not its signature.
    for call in calls.iter().filter(|call| call.accounts.contains(own)) {
        ask = add(ask, policy, call)?;
    }
    Ok(ask)
}

/// What the token accounts cost at most that the key pays for, whoever pays for the transaction: nothing where there are
/// none. `None`: nobody knows, because another program than a token program may make an account of any size.
fn rent(own: &Pubkey, calls: &[Call<'_>]) -> Option<Option<u128>> {
    // The first account is whose lamports they are.
    let paid = |call: &&Call<'_>| call.program == ASSOCIATED_TOKEN && call.accounts.first() == Some(own);
    calls.iter().filter(paid).try_fold(None, |sum, call| {
        let bytes = match TokenProgram::at(call.accounts.get(PROGRAM_PLACE)?)? {
            TokenProgram::Token => ACCOUNT_BYTES,
            TokenProgram::Token2022 => ACCOUNT_2022_BYTES,
        };
        let lamports = bytes.saturating_add(OVERHEAD_BYTES).saturating_mul(BYTE_LAMPORTS);
        Some(Some(lamports.saturating_add(sum.unwrap_or(0))))
    })
}

fn add(ask: Ask, policy: &KeyPolicy, call: &Call<'_>) -> Result<Ask> {
    let chain = ask.chain;
    if [COMPUTE_BUDGET, MEMO].contains(&call.program) {
        return Ok(ask);
    }
    let program = TokenProgram::at(&call.program);
    if let (Some(program), Some((&TRANSFER_CHECKED, rest))) = (program, call.data.split_first()) {
        let unread = || Refusal::Unknown("a transfer that cannot be read").error();
        let [_, mint, destination, _, ..] = call.accounts.as_slice() else { return Err(unread()) };
        let amount = rest.first_chunk::<8>().filter(|_| rest.len() == 9).ok_or_else(unread)?;
        let payee = payee(chain, policy, destination, mint, program)?;
        let atomic = u64::from_le_bytes(*amount).into();
        return Ok(ask.leaving(Leaving { asset: asset(chain, mint)?, atomic, payee: Some(payee) }));
    }
    let by_selector = program.is_some() || call.program == SYSTEM;
    Ok(ask.calling(Called { to: account(chain, &call.program)?, selector: None, by_selector }))
}

/// Whose token account it is, of those that the policy names; else itself, which is on no list.
fn payee(
    chain: ChainId,
    policy: &KeyPolicy,
    destination: &Pubkey,
    mint: &Pubkey,
    program: TokenProgram,
) -> Result<Account> {
    let named = policy.payees_denied.iter().chain(&policy.payees).filter(|one| one.chain == chain);
    for one in named {
        if ata(&of_account(one)?, mint, program) == *destination {
            return Ok(*one);
        }
    }
    account(chain, destination)
}
