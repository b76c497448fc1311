use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::property::{OrSeen, ensure};
use crate::weave::give_way;
use std::sync::Arc;
use tollway_core::flow::{Delivered, Driver, Handler};
use tollway_core::{Arrival, Ceiling, Charge, Flow, Price, Wish, async_trait, wire};

pub(super) async fn offers_are_pure(t: Arc<Trial>) -> Verdict {
    let probe = &t.place.probe;
    let kind = t.kind().await?;
    for flow in t.capability().flows {
        let price = Price { flow: *flow, ..t.place.price };
        let before = (probe.state().await, probe.transactions().await, t.dice.fills());
        let first = t.seller()?.offer(&price, &kind).or_seen("offer")?;
        let second = t.seller()?.offer(&price, &kind).or_seen("offer, again")?;
        let after = (probe.state().await, probe.transactions().await, t.dice.fills());
        ensure!(first == second, "two offers of one price differ: {first:?} and {second:?}");
        ensure!(before == after, "offering changed something");
        let said = &first.requirement;
        let read = wire::read_requirement(&said.raw, said.version, &[t.stand.family()])
            .or_seen("the entry is read")?;
        ensure!(read == *said, "the entry reads as {read:?}, the offer says {said:?}");
        ensure!(said.flow == *flow, "asked for {flow}, offered {}", said.flow);
        ensure!(said.price == price.ceiling, "asked for {:?}, offered {:?}", price.ceiling, said.price);
        ensure!(said.pay_to == price.pay_to, "asked for {}, offered to {}", price.pay_to, said.pay_to);
        ensure!(said.chain == price.chain, "asked for {}, offered on {}", price.chain, said.chain);
        ensure!(
            said.timeout_s >= price.timeout_s,
            "asked for {} s, offered {} s",
            price.timeout_s,
            said.timeout_s
        );
        let id = t.stand.entry().id;
        let method = said.method.as_ref().map(tollway_core::Name::as_str);
        ensure!(said.scheme == id.scheme, "the offer is of the scheme {}", said.scheme);
        ensure!(
            id.methods.contains(&method.unwrap_or("")),
            "the offer names the method {method:?}, the cell {:?}",
            id.methods
        );
    }
    if !t.capability().deferred {
        let open = t.seller()?.upkeep(Wish::Due, t.now()).await.or_seen("upkeep")?;
        ensure!(open.is_empty(), "nothing was sold, and there are {} jobs", open.len());
    }
    Ok(())
}

pub(super) async fn kinds_match_offers(t: Arc<Trial>) -> Verdict {
    let kinds = t.settler()?.kinds().await.or_seen("kinds")?;
    ensure!(!kinds.is_empty(), "a settler with a key supports nothing");
    ensure!(kinds == t.settler()?.kinds().await.or_seen("kinds, again")?, "asked twice, two answers");
    let id = t.stand.entry().id;
    for kind in &kinds {
        ensure!(kind.scheme == id.scheme, "a kind of the scheme {}", kind.scheme);
        ensure!(kind.chain == t.place.price.chain, "a kind on {}", kind.chain);
        let offer = t.seller()?.offer(&t.price(), kind).or_seen("an offer for a supported kind")?;
        let volatile: Vec<&str> = offer.volatile.iter().map(String::as_str).collect();
        ensure!(
            kind.extra.is_within(&offer.requirement.extra, &volatile),
            "the offer lacks what the kind must carry"
        );
        ensure!(
            offer.requirement.scheme == kind.scheme && offer.requirement.chain == kind.chain,
            "the offer is of another kind"
        );
        ensure!(
            t.capability().flows.contains(&offer.requirement.flow),
            "the offer's flow is not the scheme's"
        );
    }
    Ok(())
}

/// Serves, or fails to.
struct Kitchen {
    works: bool,
    runs: usize,
}

#[async_trait]
impl Handler for Kitchen {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        give_way().await;
        self.runs = self.runs.saturating_add(1);
        self.works.then(|| ceiling.full())
    }
}

pub(super) async fn every_flow_delivers_once(t: Arc<Trial>) -> Verdict {
    for flow in t.capability().flows {
        for works in [true, false] {
            delivers(&t, *flow, works).await?;
        }
    }
    Ok(())
}

async fn delivers(t: &Trial, flow: Flow, works: bool) -> Verdict {
    let price = Price { flow, ..t.place.price };
    let it = t.sign_at(&price, t.now(), tollway_core::Version::V2).await?;
    let arrival =
        Arrival { payment: it.order.payment.clone(), offer: it.offer.clone(), print: "visit".into() };
    let driver = Driver { once: t.once(t.settler()?, &*t.ledgers.gate), seller: t.seller()? };
    let mut kitchen = Kitchen { works, runs: 0 };
    let said = driver.drive(arrival.clone(), &mut kitchen).await.or_seen(&format!("a visit by {flow}"))?;
    ensure!(kitchen.runs == 1, "the handler ran {} times", kitchen.runs);
    t.place.probe.advance(t.now().plus_ms(30_000)).await;
    let count = t.settlements(&it.order).await;
    match (&said, works) {
        (Delivered::Paid(_), true) => ensure!(count == 1, "{flow}: delivered, and settled {count} times"),
        (Delivered::Unpaid, false) => {
            ensure!(count == 0, "{flow}: the handler failed, and {count} settlements stand")
        }
        (Delivered::PaidUnserved(_), false) if flow != Flow::Authorization => {}
        _ => {
            return Err(format!(
                "{flow}: the handler {}, and the visit ends in {said:?}",
                if works { "served" } else { "failed" }
            ));
        }
    }
    // The same again: the receipt, and no second meal.
    if works {
        let again = driver.drive(arrival, &mut kitchen).await.or_seen("the same payment again")?;
        ensure!(matches!(again, Delivered::Again(_)), "{flow}: the same payment again ends in {again:?}");
        ensure!(kitchen.runs == 1, "{flow}: the same payment was served twice");
        ensure!(t.settlements(&it.order).await == 1, "{flow}: the same payment was settled twice");
    }
    Ok(())
}
