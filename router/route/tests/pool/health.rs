//! Who rests, who is tried again, and that nobody waits for the dead.

use super::*;

fn pay_some(scene: &Scene, pool: &Pool, names: &str, many: usize) {
    for n in 0..many {
        scene.run(scene.pay(pool, &scene.plain(&format!("{names}{n}")))).unwrap();
        scene.world.settle_down();
    }
}

#[test]
fn a_member_that_died_is_probed_once_for_each_rest_and_gets_traffic_once_it_is_back() {
    let scene = Scene::new(&["a", "b"]);
    let (pool, [a, b]) = (scene.pool(), [&scene.members[0], &scene.members[1]]);
    pay_some(&scene, &pool, "well", 1);
    let asked = count(&a.asked);
    a.does(Does::Away);
    pay_some(&scene, &pool, "dead", 10);
    assert_eq!((a.counts(), b.counts()), ((1 + 3, 1), (10, 10)), "three tries, and then it rests");
    let states = scene.run(pool.members()).unwrap();
    assert!(matches!(states[0].standing, Standing::Resting { .. }), "{states:?}");
    assert_eq!(count(&a.probed), 0);
    // While it is dead: one probe for each rest, each rest twice as long, and no payment.
    for (rest_ms, probes) in [(5_000, 1), (10_000, 2), (20_000, 3), (40_000, 4), (60_000, 5), (60_000, 6)] {
        scene.world.advance(rest_ms);
        pay_some(&scene, &pool, &format!("rest{probes}-"), 10);
        assert_eq!((a.counts(), count(&a.probed)), ((4, 1), probes));
    }
    // Nobody wants anything: nobody is asked.
    scene.world.advance(3_600_000);
    scene.world.settle_down();
    assert_eq!(count(&a.probed), 6);
    // It is back: the first who comes after its rest has it asked, and whoever comes then finds it at its place.
    a.does(Does::Well);
    pay_some(&scene, &pool, "back", 3);
    assert_eq!(count(&a.probed), 7);
    assert_eq!(scene.holder("back2").as_deref(), Some("a"));
    assert_eq!(scene.run(pool.members()).unwrap()[0].standing, Standing::Well);
    assert!(count(&a.asked) <= asked + 1, "nor was it asked for its kinds all that time");
    scene.none_doubled();
}

#[test]
fn one_that_says_it_is_well_and_fails_gets_one_payment_for_each_rest() {
    let scene = Scene::new(&["a", "b"]);
    let (pool, a) = (scene.pool(), &scene.members[0]);
    // Its health is what `Nonsense` says of it: fine. Its answers are not.
    a.does(Does::Nonsense);
    pay_some(&scene, &pool, "n", 10);
    assert_eq!(a.counts(), (3, 0));
    for (rest_ms, tries) in [(5_000, 4), (10_000, 5), (20_000, 6), (40_000, 7)] {
        scene.world.advance(rest_ms);
        pay_some(&scene, &pool, &format!("t{tries}-"), 10);
        assert_eq!((a.counts().0, count(&a.probed)), (tries, tries - 3));
    }
}

#[test]
fn the_only_one_left_is_tried_rest_or_no_rest() {
    let scene = Scene::new(&["a"]);
    let (pool, a) = (scene.pool(), &scene.members[0]);
    a.does(Does::Away);
    for n in 0..5 {
        scene.run(scene.pay(&pool, &scene.plain(&format!("n{n}")))).unwrap_err();
    }
    assert_eq!(a.counts(), (5, 0));
    a.does(Does::Well);
    pay_some(&scene, &pool, "y", 1);
    assert_eq!(scene.run(pool.members()).unwrap()[0].standing, Standing::Well);
}

#[test]
fn what_is_refused_as_unsupported_is_not_asked_of_it_for_a_while() {
    let scene = Scene::new(&["a", "b"]);
    let (pool, a) = (scene.pool(), &scene.members[0]);
    a.does(Does::Unsupported);
    for n in 0..5 {
        scene.run(scene.pay(&pool, &scene.plain(&format!("n{n}")))).unwrap();
        scene.world.advance(60_000);
    }
    assert_eq!(a.counts(), (1, 0), "it said that it does this, and was believed once");
    a.does(Does::Well);
    scene.world.advance(600_000);
    scene.run(scene.pay(&pool, &scene.plain("x"))).unwrap();
    assert_eq!(scene.holder("x").as_deref(), Some("a"));
}

/// One that never answers is waited for once, and not for long; meanwhile and afterwards the others are offered.
#[test]
fn a_dead_member_holds_nobody_up() {
    let scene = Scene::new(&["dead", "b"]);
    let dead: Arc<dyn Settler> = Arc::new(Dead);
    let spawner = scene.world.clone();
    let parts = PoolBuilder {
        name: "shop".to_owned(),
        registry: registry(&scene.world, &[1, 2]),
        quotes: book(&scene.world),
        ledger: scene.world.books.clone(),
        clock: scene.world.clone(),
        dice: scene.world.clone(),
        spawn: Arc::new(move |task| spawner.spawn(task)),
        settings: PoolSettings::default(),
    };
    let b: Arc<dyn Settler> = Arc::<Fake>::clone(&scene.members[1]);
    let seats = [("dead", dead), ("b", b)].map(|(name, settler)| Seat::new(SettlerId(name.into()), settler));
    let pool = parts.build(seats.into()).unwrap();
    let before = scene.world.now();
    assert_eq!(scene.run(pool.kinds()).unwrap(), [kind("{}")]);
    let waited_ms = scene.world.now().ms_since(before);
    assert!((2_000..4_000).contains(&waited_ms), "{waited_ms}");
    let before = scene.world.now();
    for n in 0..20 {
        assert_eq!(scene.run(pool.kinds()).unwrap(), [kind("{}")]);
        scene.run(scene.pay(&pool, &scene.plain(&format!("n{n}")))).unwrap();
    }
    assert!(scene.world.now().ms_since(before) < 100, "nobody waits again");
}

/// Answers nothing, ever.
struct Dead;

#[async_trait]
impl Settler for Dead {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        std::future::pending().await
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        std::future::pending().await
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        std::future::pending().await
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        std::future::pending().await
    }
    async fn resume(&self, _: &Order, _: Option<Amount>) -> Result<Fate> {
        std::future::pending().await
    }
}

#[test]
fn when_nobody_answers_that_is_said() {
    let scene = Scene::new(&["a", "b"]);
    scene.members.iter().for_each(|member| *member.kinds.lock().unwrap() = None);
    let e = scene.run(scene.pool().kinds()).unwrap_err();
    assert_eq!((e.code, e.next), (Code::Unreachable, Next::Later));
}
