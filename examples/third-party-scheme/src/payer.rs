//! The side that signs: a customer.

use crate::{Desk, Promise, Voucher, credit};
use hmac::Mac;
use tollway_core::*;

#[async_trait]
impl Payer for Desk {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let (want, me) = (demand.requirement, self.settings.customer.ok_or(Error::caller(Code::NoSigner))?);
        let until = demand.now.plus_ms(want.timeout_s.saturating_mul(1000));
        let funds = self.sim.funds(&me, &want.price.asset()).await?;
        Ok(Plan { funds: Some(funds), ..Plan::fixed(want.price, until, credit::effort(&*self.sim, want)?) })
    }
    async fn perform(&self, _: &Action) -> Result<Receipt> {
        Err(Error::caller(Code::NotFound).detail("a voucher needs no action first"))
    }
    async fn authorize(&self, demand: &Demand<'_>, held: &Reserved, id: &AttemptId) -> Result<Authorization> {
        let (payee, plan, mut nonce) = (demand.requirement.pay_to, held.plan(), [0; 16]);
        self.dice.fill(&mut nonce);
        let (amount, expires, nonce) = (plan.exposure.0, plan.spendable_until, hex::encode(nonce));
        let customer = self.settings.customer.ok_or(Error::caller(Code::NoSigner))?;
        let promise = Promise { customer, payee, amount, expires, nonce };
        let key = self.settings.keys.get(&customer).ok_or(Error::caller(Code::NoSigner))?;
        let mac = hex::encode(promise.mac(key)?.finalize().into_bytes());
        let payment = demand.payment(Json::of(&Voucher { promise, mac }));
        Ok(Authorization { payment, attempt: id.clone(), spendable_until: expires })
    }
    /// A receipt from the wire is a statement, so it is compared with the chain's. Nothing else proves anything.
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        match (answer, self.resolve(sent).await) {
            (Answer::Receipt(said), Ok(Fate::Settled(is))) if is.bears_out(said) => {
                Ok(Reading::Paid(is.charged))
            }
            _ => Ok(Reading::Resolve),
        }
    }
    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        credit::fate(&*self.sim, &sent.order()).await
    }
}
