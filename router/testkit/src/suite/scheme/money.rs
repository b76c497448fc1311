use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use crate::weave::SeededDice;
use std::sync::Arc;
use tollway_core::{Account, Amount, AssetId, Bearer, Ceiling, Code, Order};

/// What payer and payee hold.
pub(super) struct Purses {
    payer: Option<u128>,
    payee: u128,
}

impl Purses {
    pub(super) async fn of(t: &Trial, order: &Order) -> Result<Self, String> {
        let terms = (t.stand.entry().read)(order).or_seen("read")?;
        let asset = order.requirement.price.asset();
        let payer = match &terms.payer {
            Some(payer) => Some(held(t, payer, &asset).await),
            None => None,
        };
        Ok(Self { payer, payee: held(t, &order.requirement.pay_to, &asset).await })
    }

    /// What the payer has lost and the payee has won since.
    pub(super) fn moved(&self, now: &Self) -> Result<(Option<u128>, u128), String> {
        let less = |before: u128, now: u128| {
            before.checked_sub(now).ok_or_else(|| "the payer holds more than before".to_owned())
        };
        let lost = match (self.payer, now.payer) {
            (Some(before), Some(now)) => Some(less(before, now)?),
            _ => None,
        };
        let won = now.payee.checked_sub(self.payee).ok_or("the payee holds less than before")?;
        Ok((lost, won))
    }
}

async fn held(t: &Trial, owner: &Account, asset: &AssetId) -> u128 {
    t.place.probe.balance(owner, asset).await
}

pub(super) async fn verifying_moves_nothing(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let it = t.sign().await?;
    let before = (probe.state().await, probe.transactions().await, t.dice.fills());
    for _ in 0..3 {
        t.verify(&it.order).await.or_seen("verify")?;
    }
    let mut broken = it.order.clone();
    broken.payment.payload = tollway_core::Json::empty();
    ensure!(t.verify(&broken).await.is_err(), "an empty payload is accepted");
    let after = (probe.state().await, probe.transactions().await, t.dice.fills());
    ensure!(before.1 == after.1, "verifying sent {} transactions", after.1.saturating_sub(before.1));
    ensure!(before.0 == after.0, "verifying changed the chain's state");
    ensure!(before.2 == after.2, "verifying threw dice");
    ensure!(t.settlements(&it.order).await == 0, "verifying settled");
    Ok(())
}

pub(super) async fn verifying_is_idempotent(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let first = t.verify(&it.order).await.or_seen("verify")?;
    for n in 2..8 {
        let again = t.verify(&it.order).await.or_seen(&format!("verify, for the {n}th time"))?;
        ensure!(
            again.terms() == first.terms(),
            "verifying again reads {:?} instead of {:?}",
            again.terms(),
            first.terms()
        );
        ensure!(again.proof().extra == first.proof().extra, "verifying again proves something else");
    }
    // Another process sees the same.
    let other = t.new_settler()?;
    other.verify(&it.order).await.or_seen("verify, by another process")?;
    // And a payment that was verified often is as good as one that was not.
    t.settle(&it.order).await.or_seen("settle, after verifying often")?;
    Ok(())
}

pub(super) async fn takes_the_charge_and_no_more(t: Arc<Trial>) -> Verdict {
    let (probe, price) = (&t.place.probe, t.place.price.ceiling.atomic());
    let drawn = SeededDice::new(t.seed).fork("charge").between(1, u64::try_from(price).unwrap_or(u64::MAX));
    for part in [price, u128::from(drawn), 0] {
        let it = t.sign().await?;
        let charge = it.order.requirement.price.charge(part).or_seen("a charge")?;
        let before = Purses::of(&t, &it.order).await?;
        let settled = t.settle_part(&it.order, charge).await;
        probe.advance(t.now().plus_ms(60_000)).await;
        let (lost, won) = before.moved(&Purses::of(&t, &it.order).await?)?;
        let count = t.settlements(&it.order).await;
        let receipt = match settled {
            Ok(receipt) => receipt,
            Err(e) => {
                ensure!(part != price, "a good payment is not settled: {e}");
                ensure!(
                    !t.capability().metered || part == 0,
                    "metered, and a charge of {part} is not settled: {e}"
                );
                ensure!(lost.unwrap_or(0) == 0 && won == 0, "refused ({e}), and {lost:?} were taken");
                continue;
            }
        };
        ensure!(
            receipt.charged == charge.amount(),
            "charged {:?}, the receipt says {:?}",
            charge.amount(),
            receipt.charged
        );
        ensure!(count <= 1, "settled {count} times");
        ensure!(lost.is_none_or(|lost| lost <= part), "charged {part}, the payer lost {lost:?}");
        if !t.capability().deferred {
            ensure!(lost.is_none_or(|lost| lost == part), "charged {part}, the payer lost {lost:?}");
            let fees = it.plan.effort.fees.iter().any(|fee| fee.bearer == Bearer::Payee);
            ensure!(won == part || (fees && won < part), "charged {part}, the payee got {won}");
            ensure!(part == 0 || count == 1, "there is a receipt, and nothing was settled");
        }
    }
    Ok(())
}

pub(super) async fn never_charges_above_the_ceiling(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let ceiling = it.order.requirement.price;
    let terms = (t.stand.entry().read)(&it.order).or_seen("read")?;
    let more = Ceiling(Amount::new(ceiling.asset(), terms.ceiling.atomic().saturating_add(1))).full();
    let other = Ceiling(Amount::new(t.place.others.asset, ceiling.atomic())).full();
    for charge in [more, other] {
        let refused = t.verify(&it.order).await.or_seen("verify")?.due(charge).map(|_| ());
        let code = refused.err().map(|e| e.code);
        ensure!(
            code == Some(Code::ChargeExceedsCeiling),
            "a charge of {:?} is due ({code:?})",
            charge.amount()
        );
    }
    let house = t.once(t.settler()?, &*t.ledgers.settler);
    let over = house.settle(it.order.clone(), ceiling.atomic().saturating_add(1), &"over".into()).await;
    ensure!(over.is_err(), "the facilitator settled more than was offered");
    ensure!(t.settlements(&it.order).await == 0, "an excessive charge moved money");
    Ok(())
}
