use super::trial::{Signed, Trial};
use crate::suite::Verdict;
use crate::suite::mutate::{Change, mutations};
use crate::suite::property::{OrSeen, ensure};
use serde_json::Value;
use std::sync::Arc;
use tollway_core::{
    Account, AssetId, Blame, ChainId, Code, Error, Flow, Json, Name, Offer, Order, Requirement,
    Result as Core, Role, Verified, flow, wire,
};

/// True when an error is the right answer to what the payer got wrong.
pub(super) fn blames_payer(e: &Error) -> bool {
    e.blame == Blame::Payer && !e.is_unknown_outcome() && e.code != Code::Internal
}

/// True when an error is a possible answer to what anybody but us got wrong.
pub(super) fn is_refusal(e: &Error) -> bool {
    e.blame != Blame::Us && !e.is_unknown_outcome() && e.code != Code::Internal
}

pub(super) async fn refuses_a_changed_payload(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let read = t.stand.entry().read;
    let terms = read(&it.order).or_seen("read")?;
    let free = |pointer: &str| {
        t.stand.free().iter().any(|f| {
            pointer == f.pointer || pointer.strip_prefix(f.pointer).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let before = t.place.probe.state().await;
    for change in mutations(&it.order.payment.payload.value()) {
        if free(&change.pointer) {
            continue;
        }
        let mut order = it.order.clone();
        order.payment.payload = Json::parse(change.text.as_str()).or_seen("a changed payload")?;
        let place = format!("{} at {:?}", change.what, change.pointer);
        match t.verify(&order).await {
            Err(e) => ensure!(blames_payer(&e), "{place}: refused with {e}"),
            Ok(verified) => {
                let (signed, changed) = (&it.order.payment.payload, &order.payment.payload);
                let same = change.change == Change::Spelling || t.stand.same_payment(signed, changed);
                ensure!(same, "{place}: accepted");
                ensure!(*verified.terms() == terms, "{place}: read as other terms");
            }
        }
    }
    ensure!(before == t.place.probe.state().await, "refusing changed the chain's state");
    Ok(())
}

/// An order for something else than was offered: what differs, and the requirement then.
type Differs = (&'static str, Requirement);

/// Terms that the payment was not made for.
fn other_terms(t: &Trial, it: &Signed) -> Vec<Differs> {
    let own = &it.order.requirement;
    let with = |what, change: &dyn Fn(&mut Requirement)| {
        let mut other = own.clone();
        change(&mut other);
        (what, other)
    };
    let others = &t.place.others;
    let mut all = vec![
        with("one unit more", &|r| r.price.0.atomic = r.price.0.atomic.saturating_add(1)),
        with("another payee", &|r| r.pay_to = others.payee),
        with("another asset", &|r| r.price.0.asset = others.asset),
        with("another chain", &|r| *r = moved(r, others.chain)),
    ];
    if !t.capability().metered && !t.capability().stateful {
        all.push(with("one unit less", &|r| r.price.0.atomic = r.price.0.atomic.saturating_sub(1)));
    }
    for (key, value) in t.stand.bound_extra() {
        all.push(with(key, &|r| r.extra = r.extra.with([((*key).to_owned(), Value::from(*value))])));
    }
    all
}

/// The same on another chain.
fn moved(r: &Requirement, chain: ChainId) -> Requirement {
    let mut other = r.clone();
    other.chain = chain;
    if let Ok(asset) = AssetId::new(chain, r.price.asset().key()) {
        other.price.0.asset = asset;
    }
    if let Ok(pay_to) = Account::new(chain, r.pay_to.address()) {
        other.pay_to = pay_to;
    }
    other
}

pub(super) async fn refuses_a_changed_requirement(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    for (what, requirement) in other_terms(&t, &it) {
        at_the_door(&t, &it, what, requirement.clone())?;
        let order = Order { requirement, ..it.order.clone() };
        match t.verify(&order).await {
            Err(e) => ensure!(is_refusal(&e), "{what}: refused with {e}"),
            Ok(_) => return Err(format!("{what}: accepted")),
        }
    }
    // Whatever the settler cannot see in the payment is told at the door, by what the payer accepted.
    let own = &it.order.requirement;
    for (what, requirement) in [
        ("a longer timeout", Requirement { timeout_s: own.timeout_s.saturating_add(1), ..own.clone() }),
        ("a shorter timeout", Requirement { timeout_s: own.timeout_s.saturating_sub(1), ..own.clone() }),
        ("another scheme", Requirement { scheme: Name::new("another").or_seen("a name")?, ..own.clone() }),
        (
            "another extra",
            Requirement { extra: own.extra.with([("added".to_owned(), "1".into())]), ..own.clone() },
        ),
        ("another flow", flowing(own, Flow::Escrow)),
    ] {
        at_the_door(&t, &it, what, requirement)?;
    }
    let cell = t.cell(Role::Settler)?;
    ensure!(!cell.answers("another", None), "the cell answers to another scheme");
    ensure!(
        !cell.answers(cell.id.scheme, Some("no-such-method")),
        "the cell answers to a transfer method that it does not name"
    );
    Ok(())
}

fn flowing(r: &Requirement, flow: Flow) -> Requirement {
    let extra = r.extra.with([("paymentFlow".to_owned(), flow.as_str().into())]);
    Requirement { flow, extra, ..r.clone() }
}

/// The payment matches no offer of other terms.
fn at_the_door(t: &Trial, it: &Signed, what: &str, mut requirement: Requirement) -> Verdict {
    let families = [t.stand.family()];
    let Ok(raw) = wire::write_requirement(&requirement, "", &families) else { return Ok(()) };
    requirement.raw = raw;
    let offer = Offer { requirement, ..it.offer.clone() };
    let text = wire::write_payment(&it.sent.payment, &families).or_seen("the payment is written")?;
    match wire::parse_payment(text.as_str(), [&offer], &families) {
        Err(e) => {
            ensure!(is_refusal(&e), "{what}: refused at the door with {e}");
            Ok(())
        }
        Ok(_) => Err(format!("{what}: taken at the door for the offer that was paid")),
    }
}

pub(super) async fn binds_the_amount(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let own = it.order.requirement.price.atomic();
    for other in [own.saturating_add(1), own.saturating_mul(2), own.saturating_sub(1)] {
        let mut requirement = it.order.requirement.clone();
        requirement.price.0.atomic = other;
        let swaps = [(own.to_string(), other.to_string())];
        refused(&t, &it, requirement, &swaps, &format!("{other} instead of {own}")).await?;
    }
    Ok(())
}

pub(super) async fn binds_the_payee(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let (own, other) = (it.order.requirement.pay_to, t.place.others.payee);
    let requirement = Requirement { pay_to: other, ..it.order.requirement.clone() };
    let show = t.stand.family().display;
    let from = [own.address().to_owned(), show(own.address()), own.to_string()];
    for to in [other.address().to_owned(), show(other.address())] {
        let swaps = from.clone().map(|from| (from, to.clone()));
        refused(&t, &it, requirement.clone(), &swaps, "another payee").await?;
    }
    let swaps = from.map(|from| (from, other.to_string()));
    refused(&t, &it, requirement, &swaps, "another payee").await
}

pub(super) async fn binds_the_asset(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let (own, other) = (it.order.requirement.price.asset(), t.place.others.asset);
    let mut requirement = it.order.requirement.clone();
    requirement.price.0.asset = other;
    let show = t.stand.family().display;
    let from = [own.key().to_owned(), show(own.key()), own.to_string()];
    for to in [other.key().to_owned(), show(other.key())] {
        let swaps = from.clone().map(|from| (from, to.clone()));
        refused(&t, &it, requirement.clone(), &swaps, "another asset").await?;
    }
    let swaps = from.map(|from| (from, other.to_string()));
    refused(&t, &it, requirement, &swaps, "another asset").await
}

pub(super) async fn binds_the_network(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let (own, other) = (it.order.requirement.chain, t.place.others.chain);
    let requirement = moved(&it.order.requirement, other);
    let swaps = [
        (own.as_str().to_owned(), other.as_str().to_owned()),
        (own.reference().to_owned(), other.reference().to_owned()),
    ];
    refused(&t, &it, requirement.clone(), &swaps, "another chain").await?;
    let Some(handle) = &t.place.others.network else { return Ok(()) };
    let there =
        t.cell_on(other, Role::Settler, Some(handle))?.settler.ok_or("no settler on the other chain")?;
    let there = t.guise.settler(there);
    for order in [turned(&it, &requirement, &swaps)?, turned(&it, &requirement, &[])?] {
        let looked = flow::verify(t.stand.entry().read, &*there, order, &*t.place.clock).await;
        judge(looked, "on the other chain itself")?;
    }
    Ok(())
}

/// The payment with words exchanged, for an order that asks for just that.
fn turned(it: &Signed, requirement: &Requirement, swaps: &[(String, String)]) -> Result<Order, String> {
    let mut payload = it.order.payment.payload.value();
    swap(&mut payload, swaps);
    let mut order = it.order.clone();
    order.requirement = requirement.clone();
    order.payment.accepted = requirement.clone();
    order.payment.payload = Json::parse(payload.to_string()).or_seen("the payload with words exchanged")?;
    Ok(order)
}

async fn refused(
    t: &Trial,
    it: &Signed,
    requirement: Requirement,
    swaps: &[(String, String)],
    what: &str,
) -> Verdict {
    // As it stands, too: the payload may not say what it is bound to.
    judge(t.verify(&turned(it, &requirement, swaps)?).await, what)?;
    judge(t.verify(&turned(it, &requirement, &[])?).await, what)
}

fn judge(looked: Core<Verified>, what: &str) -> Verdict {
    match looked {
        Err(e) => {
            ensure!(is_refusal(&e), "{what}: refused with {e}");
            Ok(())
        }
        Ok(_) => Err(format!("{what}: accepted, though nobody signed that")),
    }
}

fn swap(value: &mut Value, swaps: &[(String, String)]) {
    match value {
        Value::String(text) => {
            if let Some((_, to)) = swaps.iter().find(|(from, _)| from.eq_ignore_ascii_case(text)) {
                *text = to.clone();
            }
        }
        Value::Number(number) => {
            let text = number.to_string();
            let to = swaps.iter().find(|(from, _)| *from == text);
            if let Some(to) = to.and_then(|(_, to)| to.parse::<u64>().ok()) {
                *value = to.into();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|part| swap(part, swaps)),
        Value::Object(map) => map.values_mut().for_each(|part| swap(part, swaps)),
        _ => {}
    }
}
