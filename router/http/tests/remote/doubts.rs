//! What becomes of a payment whose settlement nobody has confirmed, and of a word that the chain contradicts.

use super::*;

#[tokio::test]
async fn resuming_repeats_the_very_same_body_and_believes_only_success() {
    let refused = say(
        200,
        r#"{"success":false,"errorReason":"invalid_exact_evm_nonce_already_used","transaction":""}"#,
    );
    let (base, seen) = scripted(vec![Act::HangUp, refused, say(500, ""), success("")]).await;
    let remote = remote(&base);
    assert!(settle_through(&remote).await.unwrap_err().is_unknown_outcome());
    let mut order = order("n1");
    order.leg = tollway_core::Leg::Before;
    for _ in 0..2 {
        assert!(matches!(remote.resume(&order, None).await.unwrap(), Fate::NotYetKnown { .. }));
    }
    assert!(matches!(remote.resume(&order, None).await.unwrap(), Fate::Settled(_)));
    let seen = seen.lock().unwrap();
    let bodies: Vec<_> = seen.iter().map(|r| r.split_once("\r\n\r\n").unwrap().1).collect();
    assert_eq!(bodies.len(), 4);
    assert!(bodies.iter().all(|b| *b == bodies[0] && b.contains("paymentRequirements")));
}

#[tokio::test]
async fn a_metered_charge_is_repeated_as_it_was_or_not_at_all() {
    let (base, seen) = scripted(vec![Act::HangUp, success(r#","amount":"9000""#)]).await;
    let mut order = order("n1");
    order.leg = tollway_core::Leg::Before;
    order.requirement.scheme = tollway_core::Name::new("upto").unwrap();
    let first = remote(&base);
    let lost = settle_as("upto", 9_000, &first).await.unwrap_err();
    assert!(lost.is_unknown_outcome());
    // Another process: without being told that it was 9 000, the full price would be too much.
    let next = remote(&base);
    let other = Amount::new(AssetId::native(ChainId::new("eip155:1").unwrap()), 9_000);
    for told in [None, Some(other)] {
        assert!(matches!(next.resume(&order, told).await.unwrap(), Fate::NotYetKnown { .. }));
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
    let told = Amount::new(order.requirement.price.asset(), 9_000);
    let Fate::Settled(receipt) = next.resume(&order, Some(told)).await.unwrap() else {
        panic!("not settled")
    };
    assert_eq!(receipt.charged.atomic, 9_000);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|r| r.contains(r#""amount":"9000""#)) && seen.len() == 2);
}

#[tokio::test]
async fn whoever_sees_the_chain_is_asked_first() {
    let chain = Chain::new();
    let (base, seen) =
        scripted(vec![say(200, r#"{"success":false,"errorReason":"nonce_already_used"}"#)]).await;
    let remote = remote_with(&base, &[Role::Settler], &chain, |b| b);
    // The payment landed on chain behind the facilitator's back.
    chain.reveal();
    settle_through(&*registry(&chain, &[Role::Settler]).cells().next().unwrap().settler.clone().unwrap())
        .await
        .unwrap();
    assert!(matches!(remote.resume(&order("n1"), None).await.unwrap(), Fate::Settled(_)));
    assert!(seen.lock().unwrap().is_empty(), "the facilitator was not needed");
    // And a first answer of "used" is a receipt when the chain says that it was used for this.
    assert!(settle_through(&remote).await.is_ok());
    chain.script(Script::Land);
}

/// Sees the chain: so much was taken; `None`, nothing yet.
struct Eyes(Option<u128>);

#[tollway_core::async_trait]
impl Settler for Eyes {
    async fn kinds(&self) -> Result<Vec<tollway_core::Kind>> {
        Ok(Vec::new())
    }
    async fn effort(&self, _: &tollway_core::Order) -> Result<tollway_core::Effort> {
        Ok(tollway_core::Effort::default())
    }
    async fn verify(&self, _: &tollway_core::Order) -> Result<tollway_core::Proof> {
        Ok(tollway_core::Proof::default())
    }
    async fn settle(&self, _: tollway_core::Due) -> Result<Receipt> {
        unreachable!("it only looks")
    }
    async fn resume(&self, order: &tollway_core::Order, told: Option<Amount>) -> Result<Fate> {
        assert_eq!(told, None, "whoever is told the charge may send beside the facilitator");
        let r = &order.requirement;
        let Some(taken) = self.0 else { return Ok(Fate::Open { cancel: None }) };
        let payer = common::wire::FAMILY.account(r.chain, PAYER).unwrap();
        let receipt = Receipt::on_chain(TxId("0xaa".into()), Amount::new(r.price.asset(), taken), payer);
        Ok(Fate::Settled(Box::new(receipt)))
    }
}

/// 400 of 10,000 are to be taken, and the facilitator says that it did.
async fn metered(taken: Option<u128>) -> Result<Receipt> {
    let (base, _) = scripted(vec![success(r#","amount":"400""#)]).await;
    let eyes: Arc<dyn Settler> = Arc::new(Eyes(taken));
    let settler = remote_with(&base, &[], &Chain::new(), |b| b.local(eyes));
    settle_as("upto", 400, &settler).await
}

#[tokio::test]
async fn used_is_doubt_while_whoever_sees_the_chain_does_not_know_for_what() {
    let used = say(200, r#"{"success":false,"errorReason":"nonce_already_used"}"#);
    let (base, _) = scripted(vec![used, success(r#","amount":"400""#)]).await;
    let settler = remote_with(&base, &[], &Chain::new(), |b| b.local(Arc::new(Eyes(None))));
    let e = settle_as("upto", 400, &settler).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::NonceUsed, Next::Unknown(None)));
    let mut order = order("n1");
    order.leg = tollway_core::Leg::Before;
    order.requirement.scheme = tollway_core::Name::new("upto").unwrap();
    let told = Some(Amount::new(order.requirement.price.asset(), 400));
    let Fate::Settled(receipt) = settler.resume(&order, told).await.unwrap() else { panic!("forgotten") };
    assert_eq!(receipt.charged.atomic, 400);
}

#[tokio::test]
async fn one_that_takes_more_than_it_was_asked_to_is_found_out() {
    assert_eq!(metered(Some(400)).await.unwrap().charged.atomic, 400);
    assert_eq!(metered(None).await.unwrap().charged.atomic, 400, "its word, while the chain says nothing");
    assert_eq!(metered(Some(399)).await.unwrap().charged.atomic, 399, "the chain's word");
    for taken in [401, 10_000] {
        let e = metered(Some(taken)).await.unwrap_err();
        let tx = Some(TxId("0xaa".into()));
        assert_eq!((e.code, e.blame, e.next), (Code::Overcharged, Blame::Settler, Next::Unknown(tx)));
    }
}
