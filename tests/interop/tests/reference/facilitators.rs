//! Each side asks the other's facilitator, and understands every no.

use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use tollway::core::wire::read_facilitator_request;
use tollway::core::{Blame, Code, Json, Next, Order, Registry, Settler};
use tollway_devnet::{Fault, FaultKind, Faults};
use tollway_interop::ours::{Facilitator, remote, seller};
use tollway_interop::{BASE, BASE_SEPOLIA, Bed, Deal, Terms, bed};

/// What is sent to a facilitator.
struct Asked {
    payload: Value,
    requirements: Value,
}

impl Asked {
    /// A payment for what `requirements` ask, signed as `how` says: `authorization`, `domain`, `spoil`.
    async fn signed(bed: &'static Bed, deal: &Deal, requirements: Value, how: Value) -> Self {
        let mut order =
            json!({ "do": "sign", "key": deal.payer.private_key(), "requirements": requirements });
        for (name, value) in how.as_object().unwrap() {
            order[name] = value.clone();
        }
        let payload = bed.client().await.ask(order).await.unwrap();
        Self {
            payload: json!({ "x402Version": 2, "accepted": requirements, "payload": payload }),
            requirements,
        }
    }

    fn order(&self, registry: &Registry) -> Order {
        let body = json!({
            "x402Version": 2, "paymentPayload": self.payload, "paymentRequirements": self.requirements,
        });
        read_facilitator_request(&Json::of(&body), registry.families()).unwrap().order
    }

    /// Asks through the reference SDK.
    async fn ask(&self, bed: &'static Bed, what: &str, url: &str) -> Result<Value, Value> {
        let order =
            json!({ "do": what, "url": url, "payload": self.payload, "requirements": self.requirements });
        bed.client().await.ask(order).await
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Payments that no facilitator may take, and why.
async fn bad_payments(bed: &'static Bed, deal: &Deal) -> Vec<(Code, Asked)> {
    let good = deal.requirements();
    let hurry = json!({ "authorization": { "validBefore": (now() + 2).to_string() } });
    let early = json!({ "authorization": { "validAfter": (now() + 600).to_string() } });
    let elsewhere = json!({ "authorization": { "to": deal.payer.address() } });
    let nonce = format!("0x{:064x}", 7);
    let mut bad = vec![
        (Code::InvalidSignature, Asked::signed(bed, deal, good.clone(), json!({ "spoil": true })).await),
        (
            Code::ValueMismatch,
            Asked::signed(bed, deal, good.clone(), json!({ "authorization": { "value": "9999" } })).await,
        ),
        (Code::RecipientMismatch, Asked::signed(bed, deal, good.clone(), elsewhere).await),
        (Code::Expired, Asked::signed(bed, deal, good.clone(), hurry).await),
        (Code::NotYetValid, Asked::signed(bed, deal, good.clone(), early).await),
    ];
    let mut renamed = good.clone();
    renamed["extra"]["name"] = json!("Another Coin");
    bad.push((Code::DomainNameMismatch, Asked::signed(bed, deal, renamed, json!({})).await));
    let mut nameless = Asked::signed(bed, deal, good.clone(), json!({})).await;
    nameless.requirements["extra"] = json!({});
    nameless.payload["accepted"]["extra"] = json!({});
    bad.push((Code::MissingDomain, nameless));
    let mut rich = good.clone();
    rich["amount"] = json!("99000000000");
    bad.push((Code::InsufficientFunds, Asked::signed(bed, deal, rich, json!({})).await));
    let used = Asked::signed(bed, deal, good, json!({ "authorization": { "nonce": nonce } })).await;
    let settled = used.ask(bed, "settle", &bed.their_facilitator().await.url()).await.unwrap();
    assert_eq!(settled["success"], true, "{settled}");
    bad.push((Code::NonceUsed, used));
    bad
}

#[test]
fn their_facilitators_every_no_is_understood_by_us() {
    bed().run(async {
        let bed = bed();
        let deal = bed.deal(BASE_SEPOLIA).await;
        let house = seller(&deal).await;
        let facilitator = remote(&house, &bed.their_facilitator().await.url());

        let good = Asked::signed(bed, &deal, deal.requirements(), json!({})).await;
        let proof = facilitator.verify(&good.order(house.registry())).await.unwrap();
        assert!(proof.by_trust, "somebody else's word");

        for (code, bad) in bad_payments(bed, &deal).await {
            let why = facilitator.verify(&bad.order(house.registry())).await.unwrap_err();
            assert_eq!(why.code, code, "{why}");
            assert_eq!((why.blame, &why.next), (Blame::Payer, &Next::Never), "{why}");
        }
        deal.paid_by().await;
    });
}

/// It throws, and its example servers answer 500: no verdict about the payment.
#[test]
fn a_network_that_their_facilitator_lacks_is_no_verdict() {
    bed().run(async {
        let bed = bed();
        let deal = bed.deal(BASE_SEPOLIA).await;
        let house = seller(&deal).await;
        let facilitator = remote(&house, &bed.their_facilitator().await.url());
        let mut asked = Asked::signed(bed, &deal, deal.requirements(), json!({})).await;
        asked.requirements["network"] = json!("eip155:1");
        asked.payload["accepted"]["network"] = json!("eip155:1");
        let why = facilitator.verify(&asked.order(house.registry())).await.unwrap_err();
        assert_eq!((why.blame, &why.next), (Blame::Settler, &Next::Later), "{why}");

        let kinds = facilitator.kinds().await.unwrap();
        let exact = kinds.iter().filter(|kind| kind.scheme == "exact").count();
        assert_eq!(exact, 4, "two chains in two versions: {kinds:?}");
    });
}

#[test]
fn our_facilitators_every_no_is_understood_by_them() {
    bed().run(async {
        let bed = bed();
        let deal = bed.deal(BASE_SEPOLIA).await;
        let url = bed.our_facilitator().await.url();

        let supported = bed.client().await.ask(json!({ "do": "supported", "url": url })).await.unwrap();
        let kinds = supported["kinds"].as_array().unwrap();
        for (version, network) in [(2, "eip155:8453"), (2, "eip155:84532"), (1, "base"), (1, "base-sepolia")]
        {
            let kind = json!({ "x402Version": version, "scheme": "exact", "network": network });
            assert!(kinds.contains(&kind), "{supported}");
        }

        let good = Asked::signed(bed, &deal, deal.requirements(), json!({})).await;
        let verdict = good.ask(bed, "verify", url).await.unwrap();
        assert_eq!(verdict, json!({ "isValid": true, "payer": deal.payer.address() }));

        for (code, bad) in bad_payments(bed, &deal).await {
            let verdict = bad.ask(bed, "verify", url).await.unwrap();
            assert_eq!(verdict["isValid"], false, "{verdict}");
            assert_eq!(verdict["invalidReason"], code.as_str(), "{verdict}");
            let settled = bad.ask(bed, "settle", url).await.unwrap();
            assert_eq!(settled["success"], false, "{settled}");
            assert_eq!(settled["errorReason"], code.as_str(), "{settled}");
            assert_eq!(settled["transaction"], "", "nothing was sent: {settled}");
            assert_eq!(settled["network"], deal.network());
        }
        deal.paid_by().await;
    });
}

/// Not a verdict about the payment: their client throws, with the status and the reason.
#[test]
fn what_our_facilitator_cannot_answer_is_an_error_there() {
    bed().run(async {
        let bed = bed();
        bed.without_blocks(async |deal| {
            let facilitator = Facilitator::start(bed, &[BASE]).await;
            let mut asked = Asked::signed(bed, deal, deal.requirements(), json!({})).await;
            deal.chain.set_faults(Faults::seeded(1).with(Fault::new(FaultKind::Http(500), 1000)));
            let why = asked.ask(bed, "verify", facilitator.url()).await.unwrap_err();
            assert_eq!((&why["name"], &why["statusCode"]), (&json!("VerifyError"), &json!(503)), "{why}");
            deal.chain.set_faults(Faults::none());

            asked.payload["payload"] = json!({});
            let verdict = asked.ask(bed, "verify", facilitator.url()).await.unwrap();
            assert_eq!(verdict["invalidReason"], Code::InvalidPayload.as_str(), "{verdict}");

            asked.payload = json!({ "x402Version": 2 });
            let why = asked.ask(bed, "verify", facilitator.url()).await.unwrap_err();
            assert_eq!((&why["name"], &why["statusCode"]), (&json!("VerifyError"), &json!(400)), "{why}");
            assert_eq!(why["invalidReason"], Code::InvalidPayload.as_str(), "{why}");
            let why = asked.ask(bed, "settle", facilitator.url()).await.unwrap_err();
            assert_eq!((&why["name"], &why["statusCode"]), (&json!("SettleError"), &json!(400)), "{why}");
            assert_eq!(why["errorReason"], Code::InvalidPayload.as_str(), "{why}");
            deal.unpaid().await;
        })
        .await;
    });
}
