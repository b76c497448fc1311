use super::Trouble;
use super::binding::{blames_payer, is_refusal};
use super::money::Purses;
use super::trial::Trial;
use crate::suite::Verdict;
use crate::suite::mutate::mutations;
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{
    Action, ActionKind, Blame, Demand, Effort, Error, Extra, Json, Kind, Name, Next, Order, Price,
    Result as Core, Version,
};

pub(super) async fn a_refusal_moved_nothing(t: Arc<Trial>) -> Verdict {
    for trouble in [Trouble::Refused, Trouble::AnswerLost] {
        let it = t.sign().await?;
        let before = Purses::of(&t, &it.order).await?;
        if !t.place.probe.trouble(trouble).await {
            continue;
        }
        let settled = t.settle(&it.order).await;
        t.place.probe.advance(t.now().plus_ms(60_000)).await;
        let count = t.settlements(&it.order).await;
        let (lost, won) = before.moved(&Purses::of(&t, &it.order).await?)?;
        match settled {
            Ok(receipt) => ensure!(count == 1, "a receipt ({receipt:?}), and {count} settlements"),
            Err(e) if e.is_unknown_outcome() => ensure!(count <= 1, "settled {count} times"),
            Err(e) => ensure!(
                count == 0 && lost.unwrap_or(0) == 0 && won == 0,
                "said that nothing has moved ({e}), and {count} settlements took {lost:?}"
            ),
        }
    }
    // What is refused by looking moves nothing either.
    let it = t.sign().await?;
    let before = t.place.probe.state().await;
    let sent = t.place.probe.transactions().await;
    for change in mutations(&it.order.payment.payload.value()).into_iter().step_by(7) {
        let mut order = it.order.clone();
        order.payment.payload = Json::parse(change.text.as_str()).or_seen("a changed payload")?;
        if let Err(e) = t.settle(&order).await {
            let now = t.place.probe.transactions().await;
            ensure!(e.is_unknown_outcome() || now == sent, "refused ({e}), and a transaction was sent");
        } else {
            // Free to change, so it was the payment itself.
            return Ok(());
        }
    }
    ensure!(before == t.place.probe.state().await, "refusing changed the chain's state");
    Ok(())
}

/// What every role answers to what cannot be right, with what it was asked.
async fn refusals(t: &Trial) -> Result<Vec<(String, Error)>, String> {
    let it = t.sign().await?;
    let (payer, seller, settler) = (t.payer()?, t.seller()?, t.settler()?);
    let mut found = Vec::new();
    let mut took = |what: &str, e: Option<Error>| found.extend(e.map(|e| (what.to_owned(), e)));
    for text in ["{}", "null", "[]", "7", r#""text""#, r#"{"unknown":{"deep":[1,2,3]}}"#] {
        let mut order = it.order.clone();
        order.payment.payload = Json::parse(text).or_seen("a payload")?;
        took(&format!("read of {text}"), (t.stand.entry().read)(&order).err());
        took(&format!("verify of {text}"), settler.verify(&order).await.err());
        took(&format!("resume of {text}"), settler.resume(&order, None).await.err());
        if text != "{}" {
            took(&format!("effort of {text}"), settler.effort(&order).await.err());
        }
        let mut sent = it.sent.clone();
        sent.payment.payload = order.payment.payload;
        took(&format!("resolve of {text}"), payer.resolve(&sent).await.err());
    }
    for (what, e) in impossible_plans(t).await? {
        took(&what, Some(e));
    }
    let scheme = Name::new("another").or_seen("a name")?;
    let kind = Kind {
        version: Version::V2,
        scheme,
        chain: t.place.others.chain,
        extra: Extra::default(),
        extensions: Vec::new(),
    };
    took("offer of a kind on another chain", seller.offer(&t.price(), &kind).err());
    let unknown = Action {
        kind: ActionKind::CreateAccount,
        chain: t.place.others.chain,
        effort: Effort::default(),
        detail: Json::empty(),
    };
    took("perform of an action that nobody planned", payer.perform(&unknown).await.err());
    Ok(found)
}

/// Refusals to plan what cannot be paid.
async fn impossible_plans(t: &Trial) -> Result<Vec<(String, Error)>, String> {
    let mut found = Vec::new();
    let offer = t.offer(&t.price()).await?;
    let challenge = t.challenge(&offer)?;
    let own = t.entry(&challenge)?;
    let mut foreign = own.clone();
    foreign.chain = t.place.others.chain;
    let mut dear = own.clone();
    dear.price.0.atomic = u128::MAX;
    let mut hasty = own.clone();
    hasty.timeout_s = 0;
    let mut endless = own.clone();
    endless.timeout_s = u64::MAX;
    for (what, requirement) in
        [("another chain", foreign), ("everything there is", dear), ("no time", hasty), ("all time", endless)]
    {
        let demand = Demand { challenge: &challenge, requirement: &requirement, now: t.now() };
        found.extend(t.payer()?.plan(&demand).await.err().map(|e| (format!("plan for {what}"), e)));
    }
    Ok(found)
}

pub(super) async fn unknown_only_where_something_was_sent(t: Arc<Trial>) -> Verdict {
    for (what, e) in refusals(&t).await? {
        ensure!(!e.is_unknown_outcome(), "{what}: {e}");
    }
    let it = t.sign().await?;
    if t.place.probe.trouble(Trouble::Refused).await {
        let sent = t.place.probe.transactions().await;
        let settled: Core<_> = t.settle(&it.order).await;
        let nothing = t.place.probe.transactions().await == sent;
        if let (Err(e), true) = (&settled, nothing) {
            ensure!(!e.is_unknown_outcome(), "the node refused the transaction, nothing was sent: {e}");
        }
    }
    // A payment that cannot be good is refused by looking, and looking sends nothing.
    let mut order: Order = t.sign().await?.order;
    order.requirement.price.0.atomic = order.requirement.price.0.atomic.saturating_add(1);
    if let Err(e) = t.settle(&order).await {
        ensure!(!e.is_unknown_outcome(), "an order for more than was signed: {e}");
    }
    Ok(())
}

pub(super) async fn errors_blame_the_right_side(t: Arc<Trial>) -> Verdict {
    for (what, e) in refusals(&t).await? {
        if what.starts_with("read of") || what.starts_with("verify of") {
            ensure!(blames_payer(&e), "{what}: {e}");
        }
        ensure!(is_refusal(&e), "{what}: {e}");
        // Nobody can act on chain, or sign again, to mend what is malformed.
        ensure!(!matches!(e.next, Next::SignAgain), "{what}: {e}");
    }
    let it = t.sign().await?;
    let receipt = t.settle(&it.order).await.or_seen("settle")?;
    match t.verify(&it.order).await {
        // Who answers from a ledger of its own may say so again; the chain may not.
        Ok(_) if t.capability().replay == tollway_core::Replay::Ledger => {}
        Ok(_) => return Err(format!("settled ({receipt:?}), and verified again")),
        Err(e) => ensure!(blames_payer(&e), "verify of what was settled before: {e}"),
    }
    let price = Price { chain: t.place.others.chain, ..t.price() };
    if let Err(e) = t.seller()?.offer(&price, &t.kind().await?) {
        ensure!(e.blame != Blame::Us && !e.is_unknown_outcome(), "offer of a price on two chains: {e}");
    }
    Ok(())
}
