//! Several settlers behind one: who gets a payment, who gets it next, and that two never hold it.

mod binding;
mod crashes;
mod health;
#[path = "../kit/mod.rs"]
mod kit;
mod member;
mod outcomes;

use kit::*;
use member::{ALL, Does, Fake, Ground, count, kind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::*;
use tollway_route::Spawn;
use tollway_route::pool::{Pool, PoolBuilder, PoolSettings, Probe, Seat, Standing};

/// A world, its ground and as many members as a test wants.
struct Scene {
    world: Arc<World>,
    ground: Arc<Ground>,
    members: Vec<Arc<Fake>>,
}

impl Scene {
    fn new(names: &[&str]) -> Self {
        let ground = Arc::new(Ground::default());
        let members = names.iter().map(|name| Fake::new(name, &ground)).collect();
        Self { world: World::new(), ground, members }
    }

    /// A pool of all of them; a second one is the first one, restarted.
    fn pool(&self) -> Pool {
        self.try_pool().unwrap()
    }

    fn try_pool(&self) -> Result<Pool> {
        let spawner = self.world.clone();
        let spawn: Spawn = Arc::new(move |task| spawner.spawn(task));
        let parts = PoolBuilder {
            name: "shop".to_owned(),
            registry: registry(&self.world, &[1, 2]),
            quotes: book(&self.world),
            ledger: self.world.books.clone(),
            clock: self.world.clone(),
            dice: self.world.clone(),
            spawn,
            settings: PoolSettings::default(),
        };
        parts.build(
            self.members
                .iter()
                .map(|member| {
                    let settler: Arc<dyn Settler> = Arc::<Fake>::clone(member);
                    Seat::new(member.id.clone(), settler).probe(Arc::<Fake>::clone(member))
                })
                .collect(),
        )
    }

    /// An order on chain 1 for an offer that carries this `extra`.
    fn order(&self, nonce: &str, extra: &str) -> Order {
        let text = format!(
            r#"{{"scheme":"fake","network":"test:1","amount":"100","asset":"usdc","payTo":"{PAYEE}","maxTimeoutSeconds":60,"extra":{extra}}}"#
        );
        let raw = Json::parse(text).unwrap();
        let requirement = wire::read_requirement(&raw, Version::V2, &[FAMILY]).unwrap();
        let until = self.world.now().plus_ms(600_000).ms();
        let payload = serde_json::json!({ "nonce": nonce, "value": "100", "to": PAYEE, "until": until });
        let payment = Payment {
            accepted: requirement.clone(),
            payload: Json::of(&payload),
            extensions: None,
            resource: None,
        };
        Order { leg: Leg::After, requirement, payment }
    }

    fn plain(&self, nonce: &str) -> Order {
        self.order(nonce, "{}")
    }

    /// Verifies and settles, as a gate does.
    async fn pay(&self, pool: &Pool, order: &Order) -> Result<Receipt> {
        let read = registry(&self.world, &[1, 2]).cell(&order.requirement).unwrap().read;
        let verified = flow::verify(read, pool, order.clone(), &*self.world).await?;
        pool.settle(verified.due(order.requirement.price.full()).unwrap()).await
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        run(&self.world, future)
    }

    /// Who the ledger says holds the payment.
    fn holder(&self, nonce: &str) -> Option<String> {
        let key = RecordKey(format!("pool/shop/hold/{nonce}"));
        let found = futures::executor::block_on(self.world.books.inner.load(&key)).unwrap()?;
        let hold: serde_json::Value = serde_json::from_str(&found.value).unwrap();
        Some(hold["member"].as_str().unwrap().to_owned())
    }

    fn none_doubled(&self) {
        assert_eq!(*self.ground.doubled.lock().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn nobody_is_no_pool_and_two_of_one_name_are_none() {
    for names in [&[][..], &["a", "b", "a"]] {
        let e = Scene::new(names).try_pool().unwrap_err();
        assert_eq!(e.code, Code::BadSettings, "{names:?}");
    }
}
