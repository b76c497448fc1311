//! One token, two ways to pay in it: which is the cheaper one, and does the table say why?
//!
//! ```text
//! cargo test -p tollway-market-tests --test methods -- --nocapture
//! ```
//!
//! A 402 offers the chain's USDC by EIP-3009 and, a little cheaper, by Permit2. Permit2 wants an approval first, once. Who
//! pays for that, and how many payments it is expected to serve, decides which way is cheaper.

use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;
use tollway::House;
use tollway::core::{Bearer, Code, Role, Usd, wire};
use tollway::evm::permit2::Sponsoring;
use tollway::ledger::SqliteLedger;
use tollway::route::{Context, Explanation, Policy, RouteRow};
use tollway_devnet::{Chain, ChainSpec, Devnet, PERMIT2};

/// What EIP-3009 is asked for, in millionths.
const PRICE: u64 = 10_000;

/// How the 402 and its reader are.
#[derive(Clone, Copy)]
struct Case {
    /// By how much Permit2 is cheaper, in millionths.
    discount: u64,
    /// How many payments the payer expects an approval to serve.
    approval_payments: u32,
    /// True where the payer's key also sends.
    sends: bool,
    /// How the seller helps who lacks an allowance.
    sponsoring: Option<Sponsoring>,
}

/// What a payer makes of the 402.
async fn table(devnet: &Devnet, case: Case) -> Explanation {
    let (chain, key) = (devnet.chain(8453).unwrap(), devnet.accounts().payer(0).private_key());
    let mut builder = House::builder()
        .role(Role::Payer)
        .ledger(Arc::new(SqliteLedger::in_memory().unwrap()))
        .settings("exact", json!({"permit2": {"approval_payments": case.approval_payments}}))
        .payer_key(key)
        .unwrap()
        .rpcs([chain.http_url()]);
    if case.sends {
        builder = builder.sender_key(key).unwrap();
    }
    let house = builder.connect().await.unwrap();
    let router = house.router(Policy { allow_mainnet: true, ..Policy::default() });
    let asked = challenge(devnet, chain, case).to_string();
    let asked = wire::parse_challenge(asked, house.registry().families()).unwrap();
    router.consider(&asked, Context::default()).await.explain(house.registry())
}

fn challenge(devnet: &Devnet, chain: &Chain, case: Case) -> Value {
    let spec = chain.spec();
    let entry = |amount: u64, method: &str| {
        let extra = json!({"name": spec.usdc_name, "version": ChainSpec::USDC_VERSION, "assetTransferMethod": method});
        json!({
            "scheme": "exact", "network": spec.caip2(), "asset": chain.usdc(), "amount": amount.to_string(),
            "payTo": devnet.accounts().merchant(0).address(), "maxTimeoutSeconds": 60, "extra": extra,
        })
    };
    let extensions: serde_json::Map<String, Value> =
        case.sponsoring.iter().map(|how| (how.key().to_owned(), how.declaration())).collect();
    json!({
        "x402Version": 2, "extensions": extensions,
        "accepts": [entry(PRICE, "eip3009"), entry(PRICE - case.discount, "permit2")],
    })
}

fn by<'t>(table: &'t Explanation, method: &str) -> &'t RouteRow {
    table.routes.iter().find(|row| row.method.as_deref() == Some(method)).expect("ranked")
}

fn order(table: &Explanation) -> Vec<&str> {
    table.routes.iter().filter_map(|row| row.method.as_deref()).collect()
}

/// Every piece of work: who pays for it, what it is, and how many payments share it.
fn works(row: &RouteRow) -> Vec<(Bearer, &str, u32)> {
    row.parts.iter().map(|work| (work.bearer, work.label.as_str(), work.shared_by)).collect()
}

fn sum(all: impl IntoIterator<Item = Usd>) -> Usd {
    all.into_iter().try_fold(Usd::ZERO, Usd::checked_add).unwrap()
}

/// A row's costs are its price and its works, and nothing else.
fn adds_up(row: &RouteRow) {
    let borne = |payer: bool| {
        let works = row.parts.iter().filter(move |work| (work.bearer == Bearer::Payer) == payer);
        works.map(|work| work.usd)
    };
    assert_eq!(row.payer_cost_usd, sum([row.price_usd, row.penalty_usd].into_iter().chain(borne(true))));
    assert_eq!(row.settlement_cost_usd, sum(borne(false)));
    for work in &row.parts {
        assert_eq!(work.usd, sum(work.parts.iter().map(|part| part.usd)), "{}", work.label);
        let n = NonZeroU32::new(work.shared_by).unwrap();
        assert!(
            work.whole_usd.e18().abs_diff(work.usd.e18() * u128::from(n.get())) < 10 * u128::from(n.get())
        );
        let tariff = (&work.source, work.taken_at_ms, work.valid_until_ms);
        assert!(matches!(tariff, (Some(_), Some(taken), Some(until)) if taken < until), "{tariff:?}");
    }
}

fn show(title: &str, table: &Explanation) {
    println!("\n  {title}");
    for row in &table.routes {
        let of = |bearer| {
            let works = row.parts.iter().filter(|work| work.bearer == bearer);
            let works = works
                .map(|w| format!("{} {:.6} (of {:.6}, for {})", w.label, w.usd, w.whole_usd, w.shared_by));
            works.collect::<Vec<_>>().join(", ")
        };
        println!(
            "    {:<8} price {:.6}  payer {:.6} [{}]  settlement {:.6} [{}]",
            row.method.as_deref().unwrap_or("-"),
            row.price_usd,
            row.payer_cost_usd,
            of(Bearer::Payer),
            row.settlement_cost_usd,
            of(Bearer::Settler)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_why_one_method_is_cheaper_and_it_depends_on_the_allowance() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let chain = devnet.chain(8453).unwrap();
    let alone = Case { discount: 0, approval_payments: 1, sends: true, sponsoring: None };

    // Without an allowance, for one payment: the whole approval is the payer's.
    let once = table(&devnet, alone).await;
    show("no allowance, an approval for one payment", &once);
    assert_eq!(order(&once), ["eip3009", "permit2"]);
    let (direct, permit2) = (by(&once, "eip3009"), by(&once, "permit2"));
    assert_eq!(works(direct), [(Bearer::Settler, "transferWithAuthorization", 1)]);
    assert_eq!(works(permit2), [(Bearer::Payer, "approve", 1), (Bearer::Settler, "permit2.settle", 1)]);
    assert_eq!(direct.payer_cost_usd, direct.price_usd);
    let approval = permit2.parts[0].whole_usd;
    assert!(
        approval > Usd::from_micros(8),
        "an approval that costs next to nothing shows nothing: {approval}"
    );
    // Half of what the approval costs is what Permit2 is cheaper by from now on.
    let discount = u64::try_from(approval.e18() / Usd::from_micros(1).e18()).unwrap() / 2;
    let cheaper = Case { discount, ..alone };

    let once = table(&devnet, cheaper).await;
    show("Permit2 cheaper by half an approval, for one payment", &once);
    assert_eq!(order(&once), ["eip3009", "permit2"], "half of it does not pay for the approval");
    let many = table(&devnet, Case { approval_payments: 20, ..cheaper }).await;
    show("the same, for twenty payments", &many);
    assert_eq!(order(&many), ["permit2", "eip3009"], "a twentieth of the approval costs less");
    assert_eq!(works(by(&many, "permit2"))[0], (Bearer::Payer, "approve", 20));

    // Who cannot send, and whom nobody helps, cannot pay by Permit2, and is told why.
    let stuck = table(&devnet, Case { sends: false, ..cheaper }).await;
    assert_eq!(order(&stuck), ["eip3009"]);
    let why = &stuck.rejected[0];
    assert_eq!((why.index, why.method.as_deref()), (1, Some("permit2")));
    assert_eq!(why.code, Code::AllowanceRequired.to_string());

    // A signed approval would spend the coins of whoever holds some: none is signed for others to send.
    let approval = Some(Sponsoring::Erc20Approval);
    let rich = table(&devnet, Case { sends: false, sponsoring: approval, ..cheaper }).await;
    assert_eq!(order(&rich), ["eip3009"]);
    assert_eq!(rich.rejected[0].code, Code::AllowanceRequired.to_string());
    let rich = table(&devnet, Case { sponsoring: approval, ..cheaper }).await;
    assert_eq!(
        works(by(&rich, "permit2")),
        [(Bearer::Payer, "approve", 1), (Bearer::Settler, "permit2.settle", 1)]
    );

    // Where the seller's side has to pay for it, it costs the payer nothing and the settlement more.
    chain.set_native_balance(devnet.accounts().payer(0).address(), 0).await.unwrap();
    let mut helped = Vec::new();
    for (how, path) in [
        (Sponsoring::Eip2612, vec!["permit2.settle"]),
        (Sponsoring::Erc20Approval, vec!["fund the payer's gas", "approve", "permit2.settle"]),
    ] {
        let table = table(&devnet, Case { sends: false, sponsoring: Some(how), ..cheaper }).await;
        show(how.key(), &table);
        assert_eq!(order(&table), ["permit2", "eip3009"]);
        let row = by(&table, "permit2");
        let expected: Vec<_> = path.into_iter().map(|label| (Bearer::Settler, label, 1)).collect();
        assert_eq!(works(row), expected);
        assert_eq!(row.payer_cost_usd, row.price_usd);
        helped.push(row.settlement_cost_usd);
        table.routes.iter().for_each(adds_up);
    }

    // With the allowance there, nobody pays for an approval any more.
    let payer = devnet.accounts().payer(0).address();
    chain.set_allowance(chain.usdc(), payer, PERMIT2, u128::MAX).await.unwrap();
    let there = table(&devnet, cheaper).await;
    show("the allowance is there", &there);
    assert_eq!(order(&there), ["permit2", "eip3009"]);
    assert_eq!(works(by(&there, "permit2")), [(Bearer::Settler, "permit2.settle", 1)]);
    let settling = by(&there, "permit2").settlement_cost_usd;
    assert!(settling < helped[0] && helped[0] < helped[1], "{settling} {helped:?}");

    // At one price the payer does not care, and settling by EIP-3009 costs less.
    let alike = table(&devnet, alone).await;
    show("the allowance is there, at one price", &alike);
    assert_eq!(order(&alike), ["eip3009", "permit2"]);
    assert_eq!(by(&alike, "eip3009").payer_cost_usd, by(&alike, "permit2").payer_cost_usd);
    assert!(by(&alike, "eip3009").settlement_cost_usd < by(&alike, "permit2").settlement_cost_usd);
    for table in [&once, &many, &stuck, &there, &alike] {
        table.routes.iter().for_each(adds_up);
    }
    devnet.stop().await;
}
