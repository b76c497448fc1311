use super::Trouble;
use super::trial::{Signed, Trial};
use crate::suite::Verdict;
use crate::suite::mutate::mutations;
use crate::suite::property::OrSeen;
use crate::suite::secret::{Secret, search};
use std::fmt::Debug;
use std::sync::Arc;
use tollway_core::{Demand, Json, Ledger, Role};

fn look(secrets: &[Secret], what: &str, shown: &dyn Debug) -> Verdict {
    search(secrets, &format!("Debug of {what}"), &format!("{shown:?}"))?;
    search(secrets, &format!("pretty Debug of {what}"), &format!("{shown:#?}"))
}

pub(super) async fn debug_shows_no_secret(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let secrets = t.secrets(&it.order.payment.payload);
    look(&secrets, "what was signed", &it)?;
    look(&secrets, "the payment", &it.sent.payment)?;
    let terms = (t.stand.entry().read)(&it.order).or_seen("read")?;
    look(&secrets, "the terms", &terms)?;
    for role in [Role::Payer, Role::Seller, Role::Settler] {
        look(&secrets, "a cell", &t.cell(role)?)?;
    }
    for handle in [&t.place.payer, &t.place.seller, &t.place.settler].into_iter().flatten() {
        look(&secrets, "a handle", handle)?;
    }
    for shown in t.stand.shown(&t.place, &it.order) {
        search(&secrets, "Debug of one of the scheme's own types", &shown)?;
    }
    if t.settler().is_err() {
        return Ok(());
    }
    look(&secrets, "the kinds", &t.settler()?.kinds().await.or_seen("kinds")?)?;
    look(&secrets, "the effort", &t.settler()?.effort(&it.order).await.or_seen("effort")?)?;
    look(&secrets, "a fate", &t.payer()?.resolve(&it.sent).await.or_seen("resolve")?)?;
    let verified = t.verify(&it.order).await.or_seen("verify")?;
    look(&secrets, "the proof", verified.proof())?;
    look(&secrets, "what was verified", &verified)?;
    let due = verified.due(it.order.requirement.price.full()).or_seen("due")?;
    look(&secrets, "what is due", &due)?;
    let receipt = t.settler()?.settle(due).await.or_seen("settle")?;
    look(&secrets, "the receipt", &receipt)?;
    // A receipt goes out to whoever asks.
    search(&secrets, "the receipt's JSON", Json::of(&receipt).as_str())?;
    look(&secrets, "a fate", &t.settler()?.resume(&it.order, None).await.or_seen("resume")?)
}

pub(super) async fn errors_show_no_secret(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let secrets = t.secrets(&it.order.payment.payload);
    for change in mutations(&it.order.payment.payload.value()) {
        let mut order = it.order.clone();
        order.payment.payload = Json::parse(change.text.as_str()).or_seen("a changed payload")?;
        let place = format!("the refusal of a payload with {} at {:?}", change.what, change.pointer);
        if let Err(e) = t.verify(&order).await {
            search(&secrets, &place, &format!("{e} {e:?} {e:#?} {}", e.detail))?;
        }
        let mut sent = it.sent.clone();
        sent.payment.payload = order.payment.payload.clone();
        let asked = [t.payer()?.resolve(&sent).await.err(), t.settler()?.resume(&order, None).await.err()];
        for e in asked.into_iter().flatten() {
            search(&secrets, &place, &format!("{e} {e:?} {}", e.detail))?;
        }
    }
    in_trouble(&t, &it, &secrets).await
}

async fn in_trouble(t: &Trial, it: &Signed, secrets: &[Secret]) -> Verdict {
    let mut dear = it.sent.payment.accepted.clone();
    dear.price.0.atomic = u128::MAX;
    let demand = Demand { challenge: &it.challenge, requirement: &dear, now: t.now() };
    if let Err(e) = t.payer()?.plan(&demand).await {
        search(secrets, "the refusal to plan what nobody has", &e.to_string())?;
    }
    for trouble in [Trouble::Refused, Trouble::AnswerLost] {
        let it = t.sign().await?;
        let secrets = t.secrets(&it.order.payment.payload);
        t.place.probe.trouble(trouble).await;
        if let Err(e) = t.settle(&it.order).await {
            search(
                &secrets,
                &format!("the error of settling in trouble ({trouble:?})"),
                &format!("{e} {}", e.detail),
            )?;
        }
        t.place.probe.advance(t.now().plus_ms(30_000)).await;
    }
    t.place.probe.advance(it.sent.spendable_until.plus_ms(1_000)).await;
    if let Err(e) = t.verify(&it.order).await {
        search(secrets, "the refusal of an expired payment", &format!("{e} {}", e.detail))?;
    }
    Ok(())
}

pub(super) async fn ledgers_keep_no_key(t: Arc<Trial>) -> Verdict {
    let it = t.sign().await?;
    let house = t.once(t.settler()?, &*t.ledgers.settler);
    t.place.probe.trouble(Trouble::AnswerLost).await;
    let _ = house.settle(it.order.clone(), it.order.requirement.price.atomic(), &"print".into()).await;
    let second = t.sign().await?;
    let _ = t.settle(&second.order).await;
    for ledger in [&t.ledgers.payer, &t.ledgers.gate, &t.ledgers.settler] {
        kept(&**ledger, &t.place.secrets).await?;
    }
    Ok(())
}

async fn kept(ledger: &dyn Ledger, keys: &[Secret]) -> Verdict {
    for record in ledger.scan("", None, 10_000).await.or_seen("scan")? {
        search(keys, &format!("the record {}", record.key), &record.value)?;
        search(keys, "a record's name", &record.key.0)?;
    }
    Ok(())
}
