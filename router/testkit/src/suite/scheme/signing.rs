use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use std::collections::BTreeSet;
use std::sync::Arc;
use tollway_core::{AttemptId, Ceiling, Demand, HoldId, Json, Order, Reserved, Time, Version, wire};

pub(super) async fn accepts_what_it_signed(t: Arc<Trial>) -> Verdict {
    let named = wire::v1_name(&t.place.price.chain, &[t.stand.family()]).is_some();
    let versions = [Some(Version::V2), named.then_some(Version::V1)];
    for version in versions.into_iter().flatten() {
        for flow in t.capability().flows {
            let price = tollway_core::Price { flow: *flow, ..t.place.price };
            let it = t.sign_at(&price, t.now(), version).await?;
            let verified = t.verify(&it.order).await;
            verified.map_err(|e| format!("verify refuses a good payment ({version:?}, {flow}): {e}"))?;
        }
    }
    Ok(())
}

pub(super) async fn plans_without_acting(t: Arc<Trial>) -> Verdict {
    let offer = t.offer(&t.price()).await?;
    let challenge = t.challenge(&offer)?;
    let demand = Demand { challenge: &challenge, requirement: t.entry(&challenge)?, now: t.now() };
    let (probe, payer) = (&t.place.probe, t.payer()?);
    // Once beforehand: a look at holdings may be taken, and kept warm.
    payer.plan(&demand).await.or_seen("plan")?;
    let before = (probe.state().await, probe.transactions().await, probe.signatures(), t.dice.fills());
    let first = payer.plan(&demand).await.or_seen("plan")?;
    let second = payer.plan(&demand).await.or_seen("plan, again")?;
    let after = (probe.state().await, probe.transactions().await, probe.signatures(), t.dice.fills());
    ensure!(before.0 == after.0, "planning changed the chain's state");
    ensure!(before.1 == after.1, "planning sent a transaction");
    ensure!(before.2 == after.2, "planning signed: {:?} signatures before, {:?} after", before.2, after.2);
    ensure!(before.3 == after.3, "planning threw dice");
    ensure!(
        first.exposure == second.exposure
            && first.price == second.price
            && first.spendable_until == second.spendable_until,
        "two plans for one demand differ: {first:?} and {second:?}"
    );
    // One payment is signed by one use of the key.
    let before = probe.signatures();
    t.authorize(&challenge, t.now()).await?;
    if let (Some(before), Some(after), true) = (before, probe.signatures(), first.actions.is_empty()) {
        ensure!(
            after == before.saturating_add(1),
            "one authorization took {} signatures",
            after.saturating_sub(before)
        );
    }
    Ok(())
}

pub(super) async fn reads_what_was_planned(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let terms = (t.stand.entry().read)(&it.order).or_seen("read")?;
    let (plan, want) = (&it.plan, &it.order.requirement);
    ensure!(plan.price == want.price, "planned for {:?}, asked {:?}", plan.price, want.price);
    ensure!(terms.payee == want.pay_to, "read says {} is paid, {} was asked", terms.payee, want.pay_to);
    ensure!(
        terms.ceiling.asset() == plan.exposure.asset(),
        "signed {:?}, planned {:?}",
        terms.ceiling,
        plan.exposure
    );
    ensure!(
        terms.ceiling.atomic() <= plan.exposure.atomic(),
        "signed for up to {}, planned to expose {}",
        terms.ceiling.atomic(),
        plan.exposure.atomic()
    );
    ensure!(
        !t.stand.timed() || terms.settle_before <= it.sent.spendable_until,
        "read says settle before {:?}, the authorization is spendable until {:?}",
        terms.settle_before,
        it.sent.spendable_until
    );
    ensure!(
        it.sent.spendable_until <= plan.spendable_until,
        "spendable until {:?}, planned {:?}",
        it.sent.spendable_until,
        plan.spendable_until
    );
    ensure!(
        terms.not_before <= t.now(),
        "not valid when it was signed: from {:?}, now {:?}",
        terms.not_before,
        t.now()
    );
    ensure!(!terms.replay.is_empty(), "no replay key");
    if let (Some(payer), Some(funds)) = (&terms.payer, &plan.funds) {
        ensure!(*payer == funds.owner, "read says {payer} pays, planned from {}", funds.owner);
    }
    if !t.capability().metered && !t.capability().stateful {
        ensure!(terms.ceiling == want.price, "a fixed price of {:?}, signed {:?}", want.price, terms.ceiling);
    }
    Ok(())
}

pub(super) async fn signs_no_more_than_reserved(t: Arc<Trial>) -> Verdict {
    let offer = t.offer(&t.price()).await?;
    let challenge = t.challenge(&offer)?;
    let demand = Demand { challenge: &challenge, requirement: t.entry(&challenge)?, now: t.now() };
    let payer = t.payer()?;
    let plan = payer.plan(&demand).await.or_seen("plan")?;
    let mut small = plan.clone();
    let half = |ceiling: Ceiling| {
        let mut less = ceiling;
        less.0.atomic = ceiling.0.atomic.div_ceil(2);
        less
    };
    (small.exposure, small.price) = (half(plan.exposure), half(plan.price));
    let mut over = plan.clone();
    over.spendable_until = Time::ZERO;
    for (n, plan) in [small, over].into_iter().enumerate() {
        let hold = HoldId(format!("small-{n}"));
        let reserved =
            Reserved::new(&*t.ledgers.payer, hold, &[], plan.clone(), t.now()).await.or_seen("reserve")?;
        let signed = payer.authorize(&demand, &reserved, &AttemptId(format!("small-{n}"))).await;
        let Ok(sent) = signed else { continue };
        let order = Order {
            leg: tollway_core::Leg::After,
            requirement: offer.requirement.clone(),
            payment: sent.payment.clone(),
        };
        let Ok(terms) = (t.stand.entry().read)(&order) else { continue };
        ensure!(
            terms.ceiling.atomic() <= plan.exposure.atomic(),
            "reserved {}, signed {}",
            plan.exposure.atomic(),
            terms.ceiling.atomic()
        );
        ensure!(
            !t.stand.timed() || terms.settle_before <= plan.spendable_until,
            "reserved until {:?}, signed until {:?}",
            plan.spendable_until,
            terms.settle_before
        );
    }
    Ok(())
}

pub(super) async fn replay_keys_name_one_authorization(t: Arc<Trial>) -> Verdict {
    let read = t.stand.entry().read;
    let mut known = BTreeSet::new();
    for n in 0..24 {
        let it = t.sign().await?;
        let keys = read(&it.order).or_seen("read")?.replay;
        let mut again = it.order.clone();
        let spaced = it.order.payment.payload.as_str().replace("\":", "\" :");
        again.payment.payload = Json::parse(spaced).or_seen("the payload with spaces")?;
        ensure!(keys == read(&it.order).or_seen("read, again")?.replay, "reading twice gives other keys");
        ensure!(
            keys == read(&again).or_seen("read, with spaces")?.replay,
            "spaces in the payload give other keys"
        );
        for key in keys {
            ensure!(
                known.insert(key.clone()),
                "authorization {n} has a replay key that an earlier one had: {key}"
            );
        }
    }
    Ok(())
}
