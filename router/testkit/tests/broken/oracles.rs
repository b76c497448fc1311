//! A sound oracle, and broken ones.

use futures::future::BoxFuture;
use std::sync::Arc;
use tollway_core::{AssetId, ChainId, Clock, Code, Error, Oracle, Result, Time, UsdPrice, async_trait};
use tollway_testkit::suite::Checked;
use tollway_testkit::suite::oracle::{self, Place, Probe, Stand};
use tollway_testkit::weave::{VirtualClock, Weave};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    AnswersZero,
    MistakesTheDigits,
    AnswersTheUnknown,
    IsFromTomorrow,
    NeverAges,
}
use Fault::*;

tollway_testkit::oracle_suite!(Bench(Nothing));

struct Bench(Fault);

struct Feed {
    fault: Fault,
    clock: Arc<VirtualClock>,
    said: Time,
    coin: AssetId,
    token: AssetId,
}

const STALE_MS: u64 = 60_000;

#[async_trait]
impl Oracle for Feed {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        let (answer, digits) = match asset {
            coin if *coin == self.coin => (300_000_000_000, 18),
            token if *token == self.token => (100_000_000, 6),
            _ if self.fault == AnswersTheUnknown => (0, 18),
            _ => return Err(Error::caller(Code::UnknownAsset)),
        };
        if self.clock.now().ms_since(self.said) > STALE_MS && self.fault != NeverAges {
            return Err(Error::network(Code::StalePrice));
        }
        Ok(UsdPrice {
            answer: if self.fault == AnswersZero { 0 } else { answer },
            answer_decimals: 8,
            asset_decimals: if self.fault == MistakesTheDigits { 18 } else { digits },
            at: if self.fault == IsFromTomorrow { self.said.plus_ms(86_400_000) } else { self.said },
        })
    }
}

struct World(Weave);

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.0.run(work).unwrap();
    }
    async fn age(&self, ms: u64) {
        self.0.clock().sleep(ms).await;
    }
}

impl Stand for Bench {
    fn place(&self, seed: u64) -> Place {
        let weave = Weave::new(seed);
        let chain = ChainId::new("sim:1").unwrap();
        let (coin, token) = (AssetId::native(chain), AssetId::new(chain, "0x01").unwrap());
        let clock = weave.clock();
        Place {
            oracle: Arc::new(Feed { fault: self.0, clock: clock.clone(), said: clock.now(), coin, token }),
            clock,
            known: vec![(coin, 18), (token, 6)],
            unknown: AssetId::new(chain, "0x02").unwrap(),
            stale_after_ms: Some(STALE_MS),
            probe: Arc::new(World(weave)),
        }
    }
}

#[test]
fn every_broken_oracle_is_caught_by_the_property_that_names_its_fault() {
    let caught = [
        (AnswersZero, "known_assets_have_a_price"),
        (MistakesTheDigits, "known_assets_have_a_price"),
        (AnswersTheUnknown, "unknown_assets_are_errors"),
        (IsFromTomorrow, "prices_are_dated"),
        (NeverAges, "stale_prices_are_refused"),
    ];
    for (fault, property) in caught {
        let checked = oracle::check_all(&Bench(fault), |name| name == property);
        let [(_, Checked::Broken(broken))] = checked.as_slice() else { panic!("{fault:?}: {checked:?}") };
        assert!(!broken.seen.starts_with("a panic"), "{fault:?}: {broken}");
    }
    let toothless: Vec<_> =
        oracle::names().into_iter().filter(|name| caught.iter().all(|(_, bitten)| bitten != name)).collect();
    assert!(toothless.is_empty(), "{toothless:?}");
}
