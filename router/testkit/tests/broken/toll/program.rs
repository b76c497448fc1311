//! The token on the chain.

use super::faults::*;
use super::pass::{Call, Pass, somebody};
use tollway_core::{Account, Amount, AssetId};
use tollway_testkit::sim::{Ctx, Program, Revert};

/// A token that moves by passes.
pub(crate) struct Token<const F: u8>;

impl<const F: u8> Program for Token<F> {
    fn call(&self, ctx: &mut Ctx<'_>, _caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let call: Call =
            serde_json::from_slice(input).map_err(|_| Revert::from("not a call of this token"))?;
        if call.timed {
            in_time::<F>(ctx, &call.pass)?;
        }
        pay::<F>(ctx, &call)?;
        Ok(Vec::new())
    }
}

fn in_time<const F: u8>(ctx: &Ctx<'_>, pass: &Pass) -> Result<(), Revert> {
    let now = ctx.now().secs();
    if now < pass.valid_after {
        return Err("not yet valid".into());
    }
    if now >= pass.valid_before && F != ACCEPTS_THE_EXPIRED && F != SETTLES_LATE {
        return Err("expired".into());
    }
    Ok(())
}

fn pay<const F: u8>(ctx: &mut Ctx<'_>, call: &Call) -> Result<(), Revert> {
    let pass = &call.pass;
    let own = AssetId::new(ctx.me().chain, ctx.me().address()).map_err(|_| Revert::from("no token"))?;
    let person = |address: &str| somebody(own.chain, address).map_err(|_| Revert::from("nobody"));
    let (from, to) = (person(&pass.from)?, person(&pass.to)?);
    let slot = format!("{}/{}", pass.from, pass.nonce).into_bytes();
    let lax = matches!(F, SETTLES_TWICE | SENDS_AGAIN_AFTER_A_CRASH);
    if ctx.load(&slot)?.is_some() && !lax {
        return Err("used".into());
    }
    let signature = hex::decode(&pass.signature).unwrap_or_default();
    if !ctx.signed_by(&from, &pass.message::<F>(&own), &signature)? {
        return Err("invalid signature".into());
    }
    let atomic = |text: &str| Amount::parse_atomic(text).map_err(|_| Revert::from("not an amount"));
    let signed = atomic(&pass.amount)?;
    let take = call.take.as_deref().map_or(Ok(signed), atomic)?;
    if take > signed {
        return Err("more than was signed".into());
    }
    ctx.store(&slot, Some(vec![1]))?;
    ctx.emit(&format!("paid/{}", pass.nonce), take.to_string().into_bytes())?;
    ctx.move_own(&from, &to, if F == OVERCHARGES { take + 1 } else { take })
}
