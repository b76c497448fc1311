//! The side that settles: a clearing house, which knows its customers' keys.

use crate::{Desk, ENTRY, Voucher, credit};
use hmac::Mac;
use tollway_core::*;
use tollway_testkit::sim::{At, Sent, SimCall, Submit};

#[async_trait]
impl Settler for Desk {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        ENTRY.kinds(self.sim.id())
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        credit::effort(&*self.sim, &order.requirement)
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        let Voucher { promise, mac } = order.payment.payload.read()?;
        let key = self.settings.keys.get(&promise.customer).ok_or(Error::payer(Code::InvalidSignature))?;
        let mac = promise.mac(key)?.verify_slice(&hex::decode(mac).unwrap_or_default()); // in constant time
        mac.map_err(|_| Error::payer(Code::InvalidSignature))?;
        if promise.amount != order.requirement.price.0 {
            return Err(Error::payer(Code::ValueMismatch));
        }
        let call = SimCall { from: self.sim.senders().first().copied(), ..credit::redeem(&promise)? };
        let tried = self.sim.view(&call, At::Latest).await?.output;
        tried.map(|_| Proof::default()).map_err(|why| Error::payer(Code::from_wire(&why.0)))
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let Voucher { promise, .. } = due.verified().order().payment.payload.read()?;
        if due.charge().amount() != promise.amount {
            return Err(Error::caller(Code::ValueMismatch).detail("a voucher is redeemed whole"));
        }
        let (call, not_after) = (credit::redeem(&promise)?, due.verified().terms().settle_before);
        let submit = Submit { call, gas_limit: 500_000, purpose: Purpose::Interactive, not_after };
        credit::receipt(&promise, &self.sim.send(submit, &promise.name().into()).await?)
    }
    async fn resume(&self, order: &Order, _: Option<Amount>) -> Result<Fate> {
        let Voucher { promise, .. } = order.payment.payload.read()?;
        Ok(match self.sim.sent(&promise.name().into()).await? {
            Sent::Never => credit::fate(&*self.sim, order).await?,
            Sent::Pending(_) => Fate::NotYetKnown { ask_again: self.sim.chain_time(At::Latest).await?.1 },
            Sent::Mined(mined) => Fate::Settled(Box::new(credit::receipt(&promise, &mined)?)),
        })
    }
}
