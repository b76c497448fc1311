//! Who rests, who is tried again, and that nobody waits for the dead.

use super::*;

#[test]
fn whoever_fails_again_and_again_rests_and_is_tried_once() {
    let scene = Scene::new(&["a", "b"]);
    let (pool, [a, b]) = (scene.pool(), [&scene.members[0], &scene.members[1]]);
    a.does(Does::Away);
    for n in 0..10 {
        scene.run(scene.pay(&pool, &scene.plain(&format!("n{n}")))).unwrap();
    }
    assert_eq!((a.counts(), b.counts()), ((3, 0), (10, 10)), "three tries, and then it rests");
    let states = scene.run(pool.members()).unwrap();
    assert!(matches!(states[0].standing, Standing::Resting { .. }), "{states:?}");
    // One call after the rest; it fails, and the next rest is longer.
    scene.world.advance(5_000);
    for n in 10..20 {
        scene.run(scene.pay(&pool, &scene.plain(&format!("n{n}")))).unwrap();
    }
    assert_eq!(a.counts(), (3, 0), "somebody well comes before a trial");
    // While it is the only one it is tried, rest or no rest.
    b.does(Does::Away);
    scene.run(scene.pay(&pool, &scene.plain("x"))).unwrap_err();
    assert_eq!(a.counts(), (4, 0));
    a.does(Does::Well);
    scene.world.advance(60_000);
    scene.run(scene.pay(&pool, &scene.plain("y"))).unwrap();
    assert_eq!(scene.holder("y").as_deref(), Some("a"));
    b.does(Does::Well);
    scene.run(scene.pay(&pool, &scene.plain("z"))).unwrap();
    assert_eq!(scene.holder("z").as_deref(), Some("a"), "it is back at its place");
    scene.none_doubled();
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
        spawn: Arc::new(move |task| spawner.spawn(task)),
        settings: PoolSettings::default(),
    };
    let b: Arc<dyn Settler> = Arc::<Fake>::clone(&scene.members[1]);
    let pool = parts.build(vec![(SettlerId("dead".into()), dead), (SettlerId("b".into()), b)]).unwrap();
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
