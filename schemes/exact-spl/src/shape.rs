//! Does a transaction do exactly what was asked, and nothing else? Pure: bytes in, verdict out.

use crate::asked::Asked;
use crate::layout::Layout;
use crate::wire::Tx;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use tollway_core::{Code, Error, Recent, Result};
use tollway_solana::fees::priority_lamports;
use tollway_solana::{Pubkey, Signature, TokenProgram, address, signature};

/// Compute units at most. Source: x402 v2 `scheme_exact_svm`, the wider of its two caps.
pub(crate) const LIMIT_MAX: u32 = 400_000;
/// Micro-lamports per compute unit at most. Source: x402 v2 `scheme_exact_svm`.
pub(crate) const PRICE_MAX: u64 = 5_000_000;

/// A payer and a fee payer.
const SIGNERS: usize = 2;

/// SHA-256 of a message: what names a payment. The signatures around it may be replaced, the message may not.
pub(crate) type MessageHash = [u8; 32];

/// Messages whose payer's signature was checked lately. `read` runs on every side of a payment and again
/// inside
/// `Settler::verify`, which others may call directly; only the first look at a payment pays for the curve.
/// The message holds the payer's key, so hash and signature say it all.
static SIGNED: LazyLock<Recent<(MessageHash, [u8; 64]), ()>> = LazyLock::new(|| Recent::new(4096));

/// What a transaction costs, and whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) fee_payer: Pubkey,
    /// Compute units at most.
    pub(crate) limit: u32,
    /// Micro-lamports per compute unit.
    pub(crate) price: u64,
}

impl Budget {
    /// What the transaction costs its fee payer beside the signatures, in lamports. Source: Solana's fee
    /// rules; the limit is paid for, not what is used of it.
    pub(crate) fn priority_lamports(&self) -> u64 {
        priority_lamports(self.limit.into(), self.price)
    }
}

/// A payment that does what was asked, as far as that can be seen without a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) budget: Budget,
    /// The transfer; `None` where a smart wallet makes it.
    pub(crate) transfer: Option<Transfer>,
    pub(crate) hash: MessageHash,
}

/// A payment by one checked transfer, as its transaction says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) payer: Pubkey,
    pub(crate) program: TokenProgram,
    pub(crate) source: Pubkey,
    pub(crate) destination: Pubkey,
    pub(crate) decimals: u8,
}

/// Judges a transaction by what was asked, the payer's signature last because it is the dearest.
///
/// # Errors
/// One code per fault; the table of hostile transactions in this crate's tests lists them.
pub(crate) fn judge(asked: &Asked<'_>, tx: &Tx<'_>) -> Result<Judged> {
    if tx.fee_payer() != asked.fee_payer {
        return Err(Error::payer(Code::FeePayerMismatch).detail(format!(
            "{} would pay the fee, {} was asked to",
            tx.fee_payer(),
            asked.fee_payer
        )));
    }
    let layout = Layout::of(tx)?;
    let transfer = transfer(asked, tx, &layout)?;
    budget(layout.limit, layout.price, PRICE_MAX)?;
    memos(asked.memo.as_deref(), &layout.memos)?;
    let budget = Budget { fee_payer: asked.fee_payer, limit: layout.limit, price: layout.price };
    Ok(Judged { budget, transfer: Some(transfer), hash: signed(tx)? })
}

fn transfer(asked: &Asked<'_>, tx: &Tx<'_>, layout: &Layout<'_>) -> Result<Transfer> {
    let form = || {
        Error::payer(Code::NoTransferInstruction).detail("a checked transfer has four accounts and ten bytes")
    };
    let (&[source, mint, destination, authority], &[_, ref amount @ .., decimals]) =
        (layout.transfer.accounts, layout.transfer.data)
    else {
        return Err(form());
    };
    let amount = u64::from_le_bytes(amount.try_into().map_err(|_| form())?);
    let of = |index: u8| tx.key(index).unwrap_or_default();
    let (payer, program) = (of(authority), layout.program);
    signers(tx, authority)?;
    if of(mint) != asked.mint {
        return Err(Error::payer(Code::AssetMismatch).detail(format!(
            "a transfer of {}, asked {}",
            of(mint),
            asked.mint
        )));
    }
    let expected = address::ata(&asked.pay_to, &asked.mint, program);
    if of(destination) != expected {
        return Err(Error::payer(Code::RecipientMismatch).detail(format!(
            "it pays into {}; the associated token account of {} is {expected}",
            of(destination),
            asked.pay_to
        )));
    }
    if of(source) != address::ata(&payer, &asked.mint, program) {
        return Err(Error::payer(Code::SourceMismatch).detail(format!(
            "it pays out of {}, which is not {payer}'s associated token account",
            of(source)
        )));
    }
    if amount != asked.amount {
        return Err(Error::payer(Code::ValueMismatch)
            .detail(format!("{amount} atomic units, exactly {} were asked", asked.amount)));
    }
    if let Some(known) = asked.decimals.filter(|known| *known != decimals) {
        return Err(Error::payer(Code::DecimalsMismatch)
            .detail(format!("the transfer says {decimals} decimals, the token has {known}")));
    }
    Ok(Transfer { payer, program, source: of(source), destination: expected, decimals })
}

/// Two sign: the fee payer, and the transfer's authority.
fn signers(tx: &Tx<'_>, authority: u8) -> Result<()> {
    let count = tx.signatures.len();
    if count > SIGNERS {
        return Err(Error::payer(Code::ExcessiveSigners)
            .detail(format!("{count} have to sign; payer and fee payer would be right")));
    }
    if usize::from(authority) >= count {
        return Err(Error::payer(Code::SignatureMissing)
            .detail("the transfer's authority is not among those who sign"));
    }
    Ok(())
}

/// Compute limit and price are each within what the protocol lets a sponsor pay for.
pub(crate) fn budget(limit: u32, price: u64, price_max: u64) -> Result<()> {
    if limit > LIMIT_MAX {
        return Err(Error::payer(Code::ComputeLimitTooHigh)
            .detail(format!("a limit of {limit} compute units; {LIMIT_MAX} are the most")));
    }
    if price > price_max {
        return Err(Error::payer(Code::ComputePriceTooHigh)
            .detail(format!("{price} micro-lamports per compute unit; {price_max} are the most")));
    }
    Ok(())
}

/// A memo that was asked for stands there once and alone.
pub(crate) fn memos(asked: Option<&str>, found: &[&[u8]]) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let [memo] = found else {
        return Err(Error::payer(Code::MemoCount)
            .detail(format!("{} memos where extra.memo asks for exactly one", found.len())));
    };
    if *memo != asked.as_bytes() {
        return Err(Error::payer(Code::MemoMismatch).detail("the memo is not extra.memo, byte for byte"));
    }
    Ok(())
}

/// Everybody but the fee payer has signed. The fee payer's place is its own to fill, whatever stands there
/// now.
pub(crate) fn signed(tx: &Tx<'_>) -> Result<MessageHash> {
    let hash: MessageHash = Sha256::digest(tx.message).into();
    for (signer, bytes) in tx.signers().skip(1) {
        if *bytes == [0; 64] {
            return Err(Error::payer(Code::SignatureMissing).detail(format!("{signer} has not signed")));
        }
        let plain = tx.signatures.len() == SIGNERS;
        if plain && SIGNED.get(&(hash, *bytes)).is_some() {
            continue;
        }
        signature::verify_strict(&signer, tx.message, &Signature::from(*bytes))?;
        if plain {
            SIGNED.put((hash, *bytes), ());
        }
    }
    Ok(hash)
}
