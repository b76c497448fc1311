//! Addresses: 32 bytes, spelled in base58, and the token accounts that follow from them.

use crate::token::TokenProgram;
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};
use tollway_core::{Account, AssetId, ChainId, Code, Error, Result, TxId};

/// The Token program.
pub const TOKEN: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// The Token-2022 program.
pub const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The program that makes associated token accounts.
pub const ASSOCIATED_TOKEN: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/// The program that sets compute limit and price.
pub const COMPUTE_BUDGET: Pubkey = Pubkey::from_str_const("ComputeBudget111111111111111111111111111111");
/// The chain's clock.
pub const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");

/// Associated token accounts remembered.
const REMEMBERED_MAX: usize = 4096;

/// Reads an address.
///
/// # Errors
/// [`Code::InvalidAddress`] when it is not 32 bytes in base58.
pub fn parse(spelling: &str) -> Result<Pubkey> {
    Pubkey::from_str(spelling).map_err(|_| {
        let shown: String = spelling.chars().take(64).collect();
        Error::payee(Code::InvalidAddress).detail(format!("{shown:?} is not 32 bytes in base58"))
    })
}

/// The address of an account.
///
/// # Errors
/// [`Code::InvalidAddress`].
pub fn of_account(account: &Account) -> Result<Pubkey> {
    parse(account.address())
}

/// The account at an address.
///
/// # Errors
/// [`Code::InvalidAddress`], which no address has.
pub fn account(chain: ChainId, address: &Pubkey) -> Result<Account> {
    Account::new(chain, &address.to_string())
}

/// The token of a mint.
///
/// # Errors
/// [`Code::InvalidAddress`], which no address has.
pub fn asset(chain: ChainId, mint: &Pubkey) -> Result<AssetId> {
    AssetId::new(chain, &mint.to_string())
}

/// A signature as a transaction's id.
pub fn tx_id(signature: &Signature) -> TxId {
    TxId(signature.to_string())
}

/// A transaction's id as its signature.
///
/// # Errors
/// [`Code::InvalidPayload`] when it is not 64 bytes in base58.
pub fn signature(tx: &TxId) -> Result<Signature> {
    Signature::from_str(&tx.0)
        .map_err(|_| Error::caller(Code::InvalidPayload).detail("a transaction's id is 64 bytes in base58"))
}

type AtaKey = (Pubkey, Pubkey, Pubkey);
static REMEMBERED: RwLock<Option<HashMap<AtaKey, Pubkey>>> = RwLock::new(None);

/// The associated token account of `owner` for a mint of `program`.
/// Finding one means hashing until the result is no point of the curve, so the newest are remembered.
pub fn ata(owner: &Pubkey, mint: &Pubkey, program: TokenProgram) -> Pubkey {
    let program = program.id();
    let key = (*owner, *mint, program);
    let known = REMEMBERED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.as_ref().and_then(|map| map.get(&key)) {
        return *found;
    }
    drop(known);
    let seeds = [owner.as_ref(), program.as_ref(), mint.as_ref()];
    let (found, _) = Pubkey::find_program_address(&seeds, &ASSOCIATED_TOKEN);
    let mut known = REMEMBERED.write().unwrap_or_else(PoisonError::into_inner);
    let map = known.get_or_insert_default();
    if map.len() >= REMEMBERED_MAX {
        // Whoever fills this with strangers pays for one derivation each; the next of ours costs as much once.
        map.clear();
    }
    map.insert(key, found);
    found
}
