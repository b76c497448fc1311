//! A payment, read and held against what was asked: what `read` of both cells shares. Pure, no I/O.

use super::{MARGIN_MS, Proxy, Signed, Sponsored, Token};
use crate::address;
use crate::signature::Check;
use tollway_core::{Amount, Ceiling, Code, Error, Order, Result, Terms, Time};

/// A permit for the right payee and token, signed by the payer's key or perhaps by the payer's code, with whatever makes up
/// for a missing allowance. Whether the amount is right is the cell's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The token.
    pub token: Token,
    /// The permit with its signature.
    pub signed: Signed,
    /// Whether the payer's key made the signature, or its code has to be asked.
    pub check: Check,
    /// How the allowance is made up for.
    pub sponsored: Sponsored,
}

impl Bound {
    /// Reads an order's payment.
    ///
    /// # Errors
    /// Those of [`Signed::decode`]; [`Code::AssetMismatch`], [`Code::RecipientMismatch`]; those of
    /// [`Sponsored::of`] and [`Sponsored::check`].
    pub fn of(order: &Order, proxy: Proxy) -> Result<Self> {
        let want = &order.requirement;
        let signed = Signed::decode(&order.payment.payload, proxy)?;
        let token = Token::of(want)?;
        let (permit, chain_id) = (&signed.permit, address::eip155(&want.chain)?);
        if permit.token != token.address {
            return Err(Error::payer(Code::AssetMismatch)
                .detail(format!("permitted {}, asked {}", permit.token, token.address)));
        }
        if permit.witness.to != address::parse(want.pay_to.address())? {
            return Err(Error::payer(Code::RecipientMismatch).detail(format!(
                "signed for {}, asked {}",
                permit.witness.to,
                want.pay_to.address()
            )));
        }
        let check = signed.check(chain_id);
        let sponsored = Sponsored::of(&order.payment)?;
        sponsored.check(permit, chain_id)?;
        Ok(Self { token, signed, check, sponsored })
    }

    /// The signature as Permit2 takes it: a key's as `r ‖ s ‖ v` with `v` 27 or 28, any other as the account's code is to be
    /// asked about it.
    pub fn signature(&self) -> &[u8] {
        match &self.check {
            Check::Key(rsv) => rsv,
            Check::AskAccount(_) => self.signed.signature.for_account(),
        }
    }

    /// What the permit binds, with all that was permitted as the ceiling.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] above 128 bits, which nobody asks for.
    pub fn terms(&self, order: &Order) -> Result<Terms> {
        let (permit, asset) = (&self.signed.permit, self.token.asset);
        let atomic = u128::try_from(permit.amount).map_err(|_| {
            Error::payer(Code::InvalidAmount).detail("more than 128 bits are permitted; less would be right")
        })?;
        let (from, until) = permit.window();
        Ok(Terms {
            payer: Some(address::account(asset.chain, &permit.from)?),
            payee: order.requirement.pay_to,
            ceiling: Ceiling(Amount::new(asset, atomic)),
            replay: vec![permit.replay_key(asset.chain)],
            // No allowance for skewed clocks: serving before the chain would take the payment is serving unpaid.
            not_before: from,
            settle_before: if until == Time::FAR { until } else { until.minus_ms(MARGIN_MS) },
        })
    }
}
