//! One price out of several sources: who is believed, who is outvoted, and what is said when nobody can be.

mod kit;

use kit::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::*;
use tollway_route::*;

#[derive(Debug, Clone)]
enum Says {
    /// Millionths of a dollar, with so many decimals.
    Micros(u64, u8),
    Fails(Code),
    Unknown,
    Silent,
}

struct Source(Says);

#[async_trait]
impl Oracle for Source {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        match &self.0 {
            Says::Micros(micros, decimals) => Ok(price(*micros, *decimals)),
            Says::Fails(code) => Err(Error::network(code.clone())),
            Says::Unknown => Err(Error::caller(Code::NoPrice)),
            Says::Silent => std::future::pending().await,
        }
    }
}

fn price(micros: u64, answer_decimals: u8) -> UsdPrice {
    let up = 10u128.pow(u32::from(answer_decimals) - 6);
    UsdPrice { answer: u128::from(micros) * up, answer_decimals, asset_decimals: 18, at: Time::ZERO }
}

/// What the sources come to, in millionths of a dollar.
fn median(says: &[Says], settings: MedianSettings) -> Result<u128> {
    let world = World::new();
    let named = ["one", "two", "three", "four", "five", "six", "seven"];
    let oracle = says.iter().zip(named).fold(Median::new(world.clone(), settings), |oracle, (said, name)| {
        oracle.with(name, Arc::new(Source(said.clone())))
    });
    let asset = AssetId::native(chain(1));
    let price = run(&world, oracle.usd(&asset))?;
    Ok(price.worth(10u128.pow(18))?.e18() / 10u128.pow(12))
}

const ETH: u64 = 2_650_000_000;

#[test]
fn who_is_believed() {
    use Says::*;
    let near = ETH + ETH / 100; // one percent
    let far = ETH + ETH / 20; // five
    let table: &[(&str, &[Says], Result<u64, Code>)] = &[
        ("one source is that source", &[Micros(ETH, 8)], Ok(ETH)),
        ("decimals do not matter", &[Micros(ETH, 8), Micros(ETH, 18), Micros(ETH, 6)], Ok(ETH)),
        ("of two that agree the higher", &[Micros(near, 8), Micros(ETH, 8)], Ok(near)),
        ("of three the middle", &[Micros(near, 8), Micros(ETH, 8), Micros(ETH + 7, 8)], Ok(ETH + 7)),
        ("one of three is outvoted", &[Micros(far, 8), Micros(ETH, 8), Micros(near, 8)], Ok(near)),
        ("and one that is gone is not missed", &[Silent, Micros(ETH, 8), Micros(near, 8)], Ok(near)),
        ("two that are apart", &[Micros(far, 8), Micros(ETH, 8)], Err(Code::PricesDisagree)),
        ("all apart", &[Micros(far, 8), Micros(ETH, 8), Micros(1, 8)], Err(Code::PricesDisagree)),
        ("one of two is stale", &[Fails(Code::StalePrice), Micros(ETH, 8)], Err(Code::StalePrice)),
        ("one of two is gone", &[Silent, Micros(ETH, 8)], Err(Code::TimedOut)),
        ("zero is absurd", &[Micros(0, 8)], Err(Code::AbsurdPrice)),
        ("all fail", &[Fails(Code::StalePrice), Fails(Code::NoPrice)], Err(Code::StalePrice)),
        ("who has no feed is not asked", &[Unknown, Micros(ETH, 8), Unknown], Ok(ETH)),
        ("nobody has one", &[Unknown, Unknown], Err(Code::NoPrice)),
        ("nobody is there", &[], Err(Code::NoPrice)),
    ];
    for (what, says, want) in table {
        let got = median(says, MedianSettings::default());
        assert_eq!(got.map_err(|e| e.code), want.clone().map(u128::from), "{what}");
    }
}

#[test]
fn how_many_must_agree_can_be_set() {
    let says = [Says::Micros(ETH, 8), Says::Fails(Code::StalePrice)];
    let one = MedianSettings { agree_min: Some(1), ..MedianSettings::default() };
    assert_eq!(median(&says, one).unwrap(), u128::from(ETH));
    let three = MedianSettings { agree_min: Some(3), ..one };
    let e = median(&says, three).unwrap_err();
    assert!(e.detail.contains("one $2650.000000") && e.detail.contains("two stale_price"), "{e}");
}

/// A route whose prices disagree is rejected, and says so; when they agree again it is back.
#[test]
fn a_disagreement_is_the_reason_of_a_rejection() {
    let world = World::new();
    let rival = Arc::new(Moving::default());
    let oracle = Median::new(world.clone(), MedianSettings::default())
        .with("feeds", world.clone())
        .with("spot", rival.clone());
    let book = book_by(&world, Arc::new(oracle), QuoteSettings::default());
    rival.micros.store(2_000_000, Ordering::SeqCst); // a dollar token at two dollars
    run(&world, book.gather(&wants(1)));
    let e = book.price(&usdc(1)).unwrap_err();
    assert_eq!(e.code, Code::PricesDisagree, "{e}");
    assert!(e.detail.contains("feeds $1") && e.detail.contains("spot $2"), "{e}");
    rival.micros.store(1_000_000, Ordering::SeqCst);
    world.advance(60_000);
    run(&world, book.gather(&wants(1)));
    assert!(book.price(&usdc(1)).is_ok());
}

fn wants(n: u8) -> quotes::Wants {
    quotes::Wants { prices: [usdc(n)].into(), ..quotes::Wants::default() }
}

#[derive(Default)]
struct Moving {
    micros: std::sync::atomic::AtomicU64,
}

#[async_trait]
impl Oracle for Moving {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        let micros = self.micros.load(Ordering::SeqCst);
        Ok(UsdPrice { answer: micros.into(), answer_decimals: 6, asset_decimals: 6, at: Time::ZERO })
    }
}

proptest! {
    /// A minority cannot move the price out of the range of what the others say.
    #[test]
    fn a_minority_of_liars_changes_nothing(
        honest in prop::collection::vec(ETH..ETH + ETH / 100, 4),
        lies in prop::collection::vec(1..u64::MAX, 3),
        at in any::<prop::sample::Index>(),
    ) {
        let mut says: Vec<_> = honest.iter().map(|m| Says::Micros(*m, 8)).collect();
        for lie in &lies {
            says.insert(at.index(says.len() + 1), Says::Micros(*lie, 8));
        }
        let got = median(&says, MedianSettings::default()).unwrap();
        let (low, high) = (*honest.iter().min().unwrap(), *honest.iter().max().unwrap());
        prop_assert!((u128::from(low)..=u128::from(high)).contains(&got), "{got} of {says:?}");
    }
}
