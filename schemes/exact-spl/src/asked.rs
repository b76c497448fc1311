//! What a requirement asks for, in the chain's own types.

use crate::program::MEMO_MAX;
use serde::Deserialize;
use std::borrow::Cow;
use tollway_core::{Code, Error, Requirement, Result};
use tollway_solana::{FAMILY, Pubkey, address};

/// An entry of `accepts`, understood.
pub(crate) struct Asked<'a> {
    pub(crate) mint: Pubkey,
    pub(crate) pay_to: Pubkey,
    pub(crate) amount: u64,
    /// Who is to pay the transaction's fee.
    pub(crate) fee_payer: Pubkey,
    /// The memo that the payee wants, at most [`MEMO_MAX`] bytes; never empty.
    pub(crate) memo: Option<Cow<'a, str>>,
    /// Fraction digits, where a table knows them.
    pub(crate) decimals: Option<u8>,
    /// True when the payee takes payments of smart wallets.
    pub(crate) smart_wallets: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    fee_payer: Option<Text<'a>>,
    #[serde(borrow)]
    memo: Option<Text<'a>>,
    features: Option<Features>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Features {
    smart_wallet_supported: Option<bool>,
}

/// serde borrows a bare `Cow` when told to, but never one inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Asked<'a> {
    /// Understands a requirement.
    ///
    /// # Errors
    /// The payee's to mend: [`Code::InvalidNetwork`] when chain and asset disagree, [`Code::InvalidAddress`],
    /// [`Code::InvalidAmount`] for none or more than 64 bits, [`Code::MissingFeePayer`],
    /// [`Code::MemoTooLong`].
    pub(crate) fn of(r: &'a Requirement) -> Result<Self> {
        let asset = r.price.asset();
        if asset.chain != r.chain || r.pay_to.chain != r.chain {
            return Err(Error::payee(Code::InvalidNetwork)
                .detail(format!("{asset} for {} is not on {}", r.pay_to, r.chain)));
        }
        let fields: Fields<'a> = r.extra.read()?;
        let fee_payer = fields.fee_payer.ok_or_else(|| {
            Error::payee(Code::MissingFeePayer).detail("extra.feePayer is missing: nobody pays the fee")
        })?;
        let memo = fields.memo.map(|text| text.0).filter(|text| !text.is_empty());
        if let Some(memo) = memo.as_ref().filter(|m| m.len() > MEMO_MAX) {
            return Err(Error::payee(Code::MemoTooLong)
                .detail(format!("extra.memo has {} bytes; {MEMO_MAX} are the most", memo.len())));
        }
        Ok(Self {
            mint: address::parse(asset.key())?,
            pay_to: address::of_account(&r.pay_to)?,
            amount: amount(r)?,
            fee_payer: address::parse(&fee_payer.0)?,
            memo,
            decimals: FAMILY.known(&asset).map(|known| known.decimals),
            smart_wallets: fields.features.is_some_and(|f| f.smart_wallet_supported == Some(true)),
        })
    }
}

/// Balances have 64 bits; a transfer of nothing pays nobody.
fn amount(r: &Requirement) -> Result<u64> {
    u64::try_from(r.price.atomic()).ok().filter(|n| *n > 0).ok_or_else(|| {
        Error::payee(Code::InvalidAmount)
            .detail(format!("{} atomic units; 1 to 2^64 - 1 can be transferred", r.price.atomic()))
    })
}
