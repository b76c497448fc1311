//! Would the transaction do on chain what it says? One round trip: the accounts as they are, and a trial.

use crate::asked::Asked;
use crate::shape::Transfer;
use crate::sponsor::Sponsored;
use crate::token::{self, cannot_receive};
use crate::wallet;
use tollway_core::{Blame, Code, Error, Next, Result};
use tollway_solana::{Fault, Mint, Pubkey, State, Svm, TokenAccount, Trial, Tried, address};

/// Tries a payment on the newest block.
///
/// # Errors
/// Why it would not do: by the accounts where they tell, else by the trial's own words.
pub(crate) async fn run(svm: &dyn Svm, asked: &Asked<'_>, sponsored: &Sponsored) -> Result<()> {
    match sponsored.transfer() {
        Some(transfer) => plain(svm, asked, sponsored.wire(), transfer).await,
        None => smart(svm, asked, sponsored.wire()).await,
    }
}

async fn plain(svm: &dyn Svm, asked: &Asked<'_>, wire: &[u8], transfer: &Transfer) -> Result<()> {
    let before = [asked.mint, transfer.source, transfer.destination];
    let tried = svm.attempt(Trial { wire, before: &before, after: &[], inner: false }).await?;
    let [mint, source, destination] = tried.looked.accounts.as_slice() else { return Err(unanswered()) };
    fits(&mint_holds(mint.as_ref(), asked)?, transfer)?;
    landed_already(&tried)?;
    source_holds(source.as_ref(), asked, transfer)?;
    destination_holds(destination.as_ref(), asked, &transfer.destination)?;
    succeeds(&tried)
}

/// A smart wallet's own accounts are its own affair; the trial shows who is paid.
async fn smart(svm: &dyn Svm, asked: &Asked<'_>, wire: &[u8]) -> Result<()> {
    let destination = destination(svm, asked).await?;
    let before = [asked.mint, destination];
    let tried = svm.attempt(Trial { wire, before: &before, after: &[], inner: true }).await?;
    let [mint, at] = tried.looked.accounts.as_slice() else { return Err(unanswered()) };
    mint_holds(mint.as_ref(), asked)?;
    landed_already(&tried)?;
    destination_holds(at.as_ref(), asked, &destination)?;
    succeeds(&tried)?;
    wallet::paid(asked, &destination, &svm.fee_payers(), &tried.inner).map(|_| ())
}

/// Where the payee receives this token.
pub(crate) async fn destination(svm: &dyn Svm, asked: &Asked<'_>) -> Result<Pubkey> {
    let program = svm.mint(&asked.mint).await?.program;
    Ok(address::ata(&asked.pay_to, &asked.mint, program))
}

fn unanswered() -> Error {
    Error::network(Code::InvalidAnswer).detail("the node left accounts unanswered")
}

/// It comes before the balances: a payment that was settled has emptied the account it would be paid from.
fn landed_already(tried: &Tried) -> Result<()> {
    match tried.fault {
        Some(Fault::AlreadyProcessed) => {
            Err(Error::payer(Code::NonceUsed).detail("the very transaction is in a block already"))
        }
        _ => Ok(()),
    }
}

/// The mint belongs to the program that the transfer calls, and the decimals are right.
pub(crate) fn fits(mint: &Mint, transfer: &Transfer) -> Result<()> {
    if mint.program != transfer.program {
        return Err(Error::payer(Code::NoTransferInstruction).detail(format!(
            "the transfer calls {}, the token belongs to {}",
            transfer.program.id(),
            mint.program.id()
        )));
    }
    if mint.decimals != transfer.decimals {
        return Err(Error::payer(Code::DecimalsMismatch).detail(format!(
            "the transfer says {} decimals, the token has {}",
            transfer.decimals, mint.decimals
        )));
    }
    Ok(())
}

/// Read from this very look and not from a snapshot: a fee on transfers may have been switched on since.
fn mint_holds(state: Option<&State>, asked: &Asked<'_>) -> Result<Mint> {
    let state = state.ok_or_else(|| {
        Error::payee(Code::AssetNotDeployed)
            .detail(format!("nothing is at the token's address {}", asked.mint))
    })?;
    let mint = Mint::parse(state)?;
    token::plain(&mint)?;
    Ok(mint)
}

/// The token account at its address, if it is one.
fn account(state: &State, mint: &Pubkey, owner: &Pubkey) -> Option<TokenAccount> {
    TokenAccount::parse(state).filter(|a| a.mint == *mint && a.owner == *owner)
}

fn source_holds(state: Option<&State>, asked: &Asked<'_>, transfer: &Transfer) -> Result<()> {
    let short = |have: u64| {
        Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
            .detail(format!("{} holds {have} atomic units, {} were signed", transfer.payer, asked.amount))
    };
    let state = state.ok_or_else(|| short(0))?;
    let account = account(state, &asked.mint, &transfer.payer).ok_or_else(|| {
        Error::payer(Code::TokenAccountUnusable)
            .detail(format!("{} is no token account of {}", transfer.source, transfer.payer))
    })?;
    if account.frozen {
        return Err(Error::new(Code::TokenAccountUnusable, Blame::Payer, Next::OtherRoute)
            .detail(format!("the payer's account {} is frozen", transfer.source)));
    }
    if account.amount < asked.amount { Err(short(account.amount)) } else { Ok(()) }
}

fn destination_holds(state: Option<&State>, asked: &Asked<'_>, at: &Pubkey) -> Result<()> {
    let state = state.ok_or_else(|| {
        Error::payee(Code::TokenAccountMissing).detail(format!(
            "{} has no token account at {at}; it has to exist before a payment",
            asked.pay_to
        ))
    })?;
    let unusable = |words: &str| {
        Error::payee(Code::TokenAccountUnusable).detail(format!("the payee's account {at} {words}"))
    };
    let account = account(state, &asked.mint, &asked.pay_to)
        .ok_or_else(|| unusable("is not its own account of this token"))?;
    cannot_receive(&account).map_or(Ok(()), |words| Err(unusable(words)))
}

/// What a failed trial means. The payer's signature was checked before, so nothing of this is about
/// signatures.
fn succeeds(tried: &Tried) -> Result<()> {
    let Some(fault) = &tried.fault else { return Ok(()) };
    let words = format!("tried in slot {}: {fault}", tried.slot);
    Err(match fault {
        Fault::BlockhashNotFound => Error::payer(Code::BlockhashNotFound).detail(words),
        Fault::AccountNotFound | Fault::InsufficientFundsForFee => {
            Error::new(Code::InsufficientFunds, Blame::Settler, Next::OtherRoute).detail(words)
        }
        _ => Error::payer(Code::SimulationFailed).next(Next::OtherRoute).detail(words),
    })
}
