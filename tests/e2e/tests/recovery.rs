//! A shop that starts again after a crash, with what it had begun in its journal.

use reqwest::Client;
use serde_json::Value;
use tollway::core::flow::{Stage, VisitRecord};
use tollway::core::ledger::Scoped;
use tollway::core::{Claim, Json, Ledger, Leg, Order, Payment, Print, RecordKey, Time, Version, Write, wire};
use tollway::evm::FAMILY;
use tollway::exact_eip3009;
use tollway_devnet::ChainSpec;
use tollway_e2e::Outcome;
use tollway_e2e::header::{Ask, encode};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::World;

/// What a crash leaves of a visit whose handler was about to run.
fn visit(payment: &Value, network: &str) -> Outcome<VisitRecord> {
    let mut accepted = payment["accepted"].clone();
    accepted["network"] = network.into();
    if network != "eip155:8453" {
        accepted["asset"] = ChainSpec::ARBITRUM.usdc.into();
    }
    let requirement = wire::read_requirement(&Json::of(&accepted), Version::V2, &[FAMILY])?;
    let payment = Payment {
        accepted: requirement.clone(),
        payload: Json::of(&payment["payload"]),
        extensions: None,
        resource: None,
    };
    let order = Order { leg: Leg::After, requirement, payment };
    let said = &order.payment.payload.value()["authorization"];
    let word = |key: &str| said[key].as_str().unwrap_or_default().to_lowercase();
    let asset = order.requirement.price.asset();
    let key = ["eip3009", network, &asset.key().to_lowercase(), &word("from"), &word("nonce")].join(":");
    Ok(VisitRecord {
        owner: "shop".to_owned(),
        stage: Stage::Verified,
        order,
        charge_atomic: 0,
        keys: vec![key.into()],
        print: Print("of a request before the crash".to_owned()),
        receipts: Vec::new(),
        begun: Time::ZERO,
    })
}

async fn journal(ledger: &std::sync::Arc<dyn Ledger>, visit: &VisitRecord) -> Outcome {
    let key = RecordKey(format!("visit/gate/{}", visit.keys[0]));
    let value = Some(Json::of(visit).as_str().to_owned());
    ledger.store(&[Write { key, expect: None, value }]).await?;
    let gate = Scoped::new(ledger.clone(), "gate");
    assert_eq!(gate.claim(&visit.keys, &visit.print, Time::FAR, Time::ZERO).await?, Claim::Fresh);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_nobody_can_move_holds_up_no_other() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let mut facilitator = world.facilitator(env!("CARGO_BIN_EXE_e2e-facilitator"), 1, 5_000)?;
    facilitator.health().await?;
    let (client, key) = (Client::new(), world.devnet.accounts().payer(0).private_key());
    let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
    let ask = Ask::get(&shop.url, "/8453/a");
    let payment = ask.draft(&client, key).await?.sign();
    let base = visit(&payment, "eip155:8453")?;
    // The keys are those that the scheme itself reads, so that the test is about the same visit as the shop.
    assert_eq!((exact_eip3009::ENTRY.read)(&base.order)?.replay, base.keys);
    // A chain that this shop no longer has; it comes first in the journal.
    let gone = visit(&payment, "eip155:42161")?;
    journal(shop.house.ledger(), &gone).await?;
    journal(shop.house.ledger(), &base).await?;
    let held = ask.send(&client, Some(&encode(&payment))).await?;
    assert_eq!(held.code(), "payment_replayed", "{held:?}");

    assert_eq!(shop.gate.recover().await?, 1, "the one that nobody can move stays open");
    let left = shop.house.ledger().scan("visit/gate/", None, 9).await?;
    assert_eq!(left.len(), 1);
    assert_eq!(VisitRecord::read(&left[0].value)?, gone);
    let freed = ask.send(&client, Some(&encode(&payment))).await?;
    assert_eq!(freed.status, 200, "{freed:?}");

    // Releasing what was never sent takes no facilitator.
    facilitator.kill().await?;
    let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
    let never = visit(
        &{
            let mut other = payment.clone();
            other["payload"]["authorization"]["nonce"] = format!("0x{}", "ab".repeat(32)).into();
            other
        },
        "eip155:8453",
    )?;
    journal(shop.house.ledger(), &never).await?;
    assert_eq!(shop.gate.recover().await?, 1);
    assert_eq!(shop.house.ledger().scan("visit/gate/", None, 9).await?.len(), 1);
    Ok(())
}
