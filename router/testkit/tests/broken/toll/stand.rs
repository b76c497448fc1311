use super::booth::{Booth, Wallet};
use super::program::Token;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tollway_core::{AssetId, Family, Handle, Order, Result, SchemeEntry};
use tollway_testkit::sim::{FAMILY, Sim, SimChain, SimKey};
use tollway_testkit::suite::scheme::{Person, Place, SimPlace, Stand};

/// The toll scheme with one fault, on two simulated chains.
pub(crate) struct Toll<const F: u8>;

fn payer() -> SimKey {
    SimKey::named("payer")
}

fn deploy<const F: u8>(chain: &SimChain) -> Result<[AssetId; 2]> {
    let owner = chain.know(&payer())?;
    let tokens = ["dollar", "pound"].map(|name| {
        let place = chain.deploy(name, Arc::new(Token::<F>)).unwrap();
        AssetId::new(chain.id(), place.address()).unwrap()
    });
    tokens.iter().try_for_each(|token| chain.endow(&owner, token, 1_000_000_000))?;
    Ok(tokens)
}

/// How often a pass was used, by what the token says.
fn settlements(chain: &SimChain, order: &Order) -> usize {
    let value = order.payment.payload.value();
    let topic = format!("paid/{}", value["nonce"].as_str().unwrap_or_default());
    chain.events().iter().filter(|event| event.topic == topic).count()
}

impl<const F: u8> Stand for Toll<F> {
    fn entry(&self) -> SchemeEntry {
        super::entry::<F>()
    }
    fn family(&self) -> Family {
        FAMILY
    }

    fn place(&self, seed: u64) -> Place {
        let signed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&signed);
        let handle = move |sim: Arc<dyn Sim>, person| {
            let wallet = || Wallet { key: payer(), signed: Arc::clone(&signed), fault: F };
            let wallet = (person == Person::Payer).then(wallet);
            Handle::new(sim.clone(), Arc::new(Booth { sim, wallet }))
        };
        let place = SimPlace::new(seed, ["sim:1", "sim:2"], deploy::<F>).unwrap();
        let place = place.handles(handle).signatures(count).secret("the payer's key", payer().secret());
        place.build(settlements).unwrap()
    }

    fn unprintable(&self) -> &'static [&'static str] {
        &["/signature"]
    }

    fn ladder(&self, order: &Order) -> Vec<Order> {
        let with = |words: usize| {
            let mut more = order.clone();
            let memo = ("memo".to_owned(), "word ".repeat(words).into());
            more.requirement.extra = more.requirement.extra.with([memo]);
            more
        };
        [0, 1, 10, 100, 1_000].map(with).into()
    }

    fn shown(&self, _: &Place, _: &Order) -> Vec<String> {
        vec![format!("{:?}", Wallet { key: payer(), signed: Arc::default(), fault: F })]
    }

    fn seeds(&self) -> u64 {
        match F {
            super::SOUND => 10_000,
            super::METERED => 2_000,
            _ => 200,
        }
    }
}
