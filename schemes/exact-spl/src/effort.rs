//! What settling does on chain. A sponsor pays for signatures and for the compute *limit*, both of which the
//! payer's transaction fixes; what is used of the limit changes nothing.

use crate::shape::Budget;
use crate::token;
use tollway_core::{Amount, AssetId, Bearer, ChainId, Effort, Fee, Result, Sample, Work};
use tollway_solana::{Mint, Pubkey, address};

/// The payer's signature and the sponsor's.
const SIGNATURES: u16 = 2;
/// Compute units that making a token account is given: the associated token program, the system program and a
/// token program need about 20,000 together, more when the address takes several tries.
pub(crate) const OPEN_UNITS: u32 = 60_000;

/// The sponsor's one transaction, before there is one: `units` at whatever the market asks.
pub(crate) fn settlement(chain: ChainId, destination: &Pubkey, units: u32) -> Result<Effort> {
    let mut work = Work::new(Bearer::Settler, "transferChecked", units.into(), Sample::default());
    work.signatures = SIGNATURES;
    work.touches = vec![address::account(chain, destination)?];
    Ok(Effort::one(work))
}

/// The sponsor's transaction when the payer has made it: the priority fee is fixed, whatever the market asks.
pub(crate) fn made(chain: ChainId, destination: &Pubkey, budget: &Budget, signatures: u16) -> Result<Effort> {
    let mut effort = settlement(chain, destination, 0)?;
    effort.works.iter_mut().for_each(|work| work.signatures = signatures);
    let lamports = budget.priority_lamports().into();
    effort.fees.push(Fee {
        bearer: Bearer::Settler,
        amount: Amount::new(AssetId::native(chain), lamports),
        label: "priority fee",
    });
    Ok(effort)
}

/// The payer's own transaction that makes the payee's token account, and its rent.
pub(crate) fn opening(chain: ChainId, account: &Pubkey, mint: &Mint) -> Result<Effort> {
    let mut work = Work::new(Bearer::Payer, "createAccount", OPEN_UNITS.into(), Sample::default());
    work.touches = vec![address::account(chain, account)?];
    work.creates_bytes = vec![token::account_bytes(mint)];
    Ok(Effort::one(work))
}
