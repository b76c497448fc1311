//! The chain's side: the program that keeps the book, and what it has to say about a voucher.

use crate::{Promise, Voucher};
use tollway_core::*;
use tollway_testkit::sim::{At, Ctx, EventQuery, GAS_BASE, GAS_BYTE, Mined, Program, Revert, Sim, SimCall};

/// The book of a credit: an asset whose key is the program's address. Only these clearing houses may move it.
pub struct Credit(pub Vec<Account>);

impl Program for Credit {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let promise: Promise = serde_json::from_slice(input).map_err(|_| Revert::from("no promise"))?;
        let (name, amount) = (promise.name(), promise.amount);
        let rules = [
            (self.0.contains(caller), Code::PolicyDenied),
            (amount.asset.key() == ctx.me().address(), Code::AssetMismatch),
            (ctx.now() < promise.expires, Code::Expired),
            (ctx.load(name.as_bytes())?.is_none(), Code::NonceUsed),
            (ctx.balance(&amount.asset, &promise.customer)? >= amount.atomic, Code::InsufficientFunds),
        ];
        if let Some((_, broken)) = rules.iter().find(|(kept, _)| !kept) {
            return Err(broken.as_str().into());
        }
        ctx.store(name.as_bytes(), Some(vec![1]))?;
        ctx.move_own(&promise.customer, &promise.payee, amount.atomic)?;
        ctx.emit(&name, Vec::new()).map(|()| Vec::new())
    }
}

/// The call that redeems a promise.
pub(crate) fn redeem(promise: &Promise) -> Result<SimCall> {
    Ok(SimCall::new(Account::new(promise.amount.asset.chain, promise.amount.asset.key())?, promise.bytes()))
}

/// What redeeming does on chain. Promises are all about as long, so a made-up one does.
pub(crate) fn effort(sim: &dyn Sim, want: &Requirement) -> Result<Effort> {
    let (payee, expires, nonce) = (want.pay_to, Time::from_secs(1 << 31), "0".repeat(32));
    let call = redeem(&Promise { customer: payee, payee, amount: want.price.0, expires, nonce })?;
    let gas = GAS_BASE + GAS_BYTE * 350 + 47_000; // its bytes, a slot that remembers it, a transfer, an event
    Ok(Effort::one(Work::new(Bearer::Settler, "redeem", gas, sim.sample(&call))))
}

/// What became of a promise, as the chain tells it where no reorg reaches.
pub(crate) async fn fate(sim: &dyn Sim, order: &Order) -> Result<Fate> {
    let Voucher { promise, .. } = order.payment.payload.read()?;
    let (last, time) = sim.chain_time(At::Final).await?; // before the events: these must not be older
    let (program, topic) = (redeem(&promise)?.to, Some(promise.name()));
    let found = sim.events(&EventQuery { program, topic, since: Time::ZERO, until: Time::FAR }).await?;
    let Some(event) = found.first() else {
        return Ok(if time < promise.expires { Fate::Open { cancel: None } } else { Fate::Dead });
    };
    match sim.mined(&event.tx).await? {
        Some(mined) if mined.block <= last => Ok(Fate::Settled(Box::new(receipt(&promise, &mined)?))),
        _ => Ok(Fate::NotYetKnown { ask_again: time }),
    }
}

/// What a transaction took: the whole promise, or nothing.
pub(crate) fn receipt(promise: &Promise, mined: &Mined) -> Result<Receipt> {
    let refused = |why: &Revert| Error::payer(Code::from_wire(&why.0)).transaction(mined.tx.clone());
    mined.output.as_ref().map_err(refused)?;
    Ok(Receipt::on_chain(mined.tx.clone(), promise.amount, promise.customer).cost(mined.cost_atomic))
}
