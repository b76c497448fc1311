//! One line proves the scheme; the rest says where it is tried.

use third_party_scheme::{Credit, ENTRY, Voucher};
use tollway_core::{AssetId, Order, Result};
use tollway_testkit::sim::SimChain;
use tollway_testkit::suite::scheme::{Person, Place, SimPlace, SimStand};

tollway_testkit::scheme_suite!(SimStand::new(ENTRY, place).unprintable(&["/mac"]));

/// Two kinds of credit on each chain, and a customer who has plenty of both.
fn place(seed: u64) -> Result<Place> {
    let deploy = |chain: &SimChain| {
        let houses = [Person::Settler.account(chain)?, Person::Rival.account(chain)?];
        let book = |name| {
            let credit = chain.deploy(name, std::sync::Arc::new(Credit(houses.to_vec())))?;
            let credit = AssetId::new(chain.id(), credit.address())?;
            chain.endow(&Person::Payer.account(chain)?, &credit, 1_000_000).map(|()| credit)
        };
        Ok([book("miles")?, book("points")?])
    };
    let redeemed = |chain: &SimChain, order: &Order| {
        let voucher: Voucher = order.payment.payload.read().unwrap();
        chain.events().iter().filter(|event| event.topic == voucher.promise.name()).count()
    };
    let (place, key) = (SimPlace::new(seed, ["sim:1", "sim:2"], deploy)?, "correct horse battery staple 123");
    let me = Person::Payer.account(place.chain())?;
    let settings = serde_json::json!({ "customer": me, "keys": { me.to_string(): key } });
    place.settings(settings).secret("the shared key", key.as_bytes()).build(redeemed)
}
