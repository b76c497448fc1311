//! Who may settle an offer is said by what it carries.

use super::*;

const A: &str = r#"{"facilitatorAddress":"0xa"}"#;
const B: &str = r#"{"facilitatorAddress":"0xb"}"#;

fn scene(extras: [&str; 2]) -> Scene {
    let scene = Scene::new(&["a", "b"]);
    for (member, extra) in scene.members.iter().zip(extras) {
        *member.kinds.lock().unwrap() = Some(vec![kind(extra)]);
    }
    scene
}

/// What the two say, how the first one is, what the offer carries, and who gets it.
type Row = ([&'static str; 2], Does, &'static str, Result<&'static str, Code>);

/// Who holds it, with the first member in this state.
fn taker(scene: &Scene, does: Does, extra: &str) -> Result<Option<String>> {
    scene.members[0].does(does);
    let pool = scene.pool();
    scene.run(scene.pay(&pool, &scene.order("n", extra)))?;
    Ok(scene.holder("n"))
}

#[test]
fn an_offer_that_carries_what_one_of_them_said_is_that_ones() {
    let named = r#"{"name":"USD Coin","version":"2","facilitatorAddress":"0xa"}"#;
    let (free, fee_payer) = (r#"{"name":"USD Coin","version":"2"}"#, r#"{"feePayer":"f","memo":"m"}"#);
    let (well, away) = (Does::Well, Does::Away);
    let rows: [Row; 14] = [
        // They say the same: either may.
        (["{}", "{}"], well, "{}", Ok("a")),
        (["{}", "{}"], away, "{}", Ok("b")),
        (["{}", "{}"], away, free, Ok("b")),
        ([A, A], away, named, Ok("b")),
        // They say different things: only the one that the offer names.
        ([A, B], well, A, Ok("a")),
        ([A, B], well, B, Ok("b")),
        ([A, B], away, A, Err(Code::Unreachable)),
        ([A, B], away, named, Err(Code::Unreachable)),
        // One says nothing, which is something else too.
        ([A, "{}"], away, A, Err(Code::Unreachable)),
        (["{}", A], well, A, Ok("b")),
        ([A, "{}"], well, "{}", Ok("a")),
        // What no offer of the scheme carries binds nobody.
        ([r#"{"feePayer":"f","speed":1}"#, r#"{"feePayer":"f","speed":2}"#], away, fee_payer, Ok("b")),
        // Bound to somebody who is not here.
        ([A, B], well, r#"{"facilitatorAddress":"0xc"}"#, Err(Code::RoleMissing)),
        ([A, A], well, r#"{"facilitatorAddress":"0xc"}"#, Err(Code::RoleMissing)),
    ];
    for (said, does, extra, expected) in rows {
        let scene = scene(said);
        let found = taker(&scene, does, extra).map_err(|e| e.code);
        assert_eq!(found, expected.clone().map(|who| Some(who.to_owned())), "{said:?} {does:?} {extra}");
        if expected.is_err() {
            assert_eq!(scene.members[1].counts(), (0, 0), "{said:?} {extra}: asked for another's payment");
        }
    }
}

/// At settlement too, where the one that it is bound to has verified it.
#[test]
fn a_bound_payment_never_changes_hands() {
    let scene = scene([A, B]);
    *scene.members[0].settles.lock().unwrap() = Does::Away;
    let e = scene.run(scene.pay(&scene.pool(), &scene.order("n", A))).unwrap_err();
    assert_eq!((e.code, scene.members[1].counts()), (Code::Unreachable, (0, 0)));
}

/// An address that rotates: offers that carry the old one still stand, and are still the same member's.
#[test]
fn what_a_member_said_before_is_still_its_own() {
    let scene = scene([A, B]);
    let pool = scene.pool();
    scene.run(pool.kinds()).unwrap();
    *scene.members[0].kinds.lock().unwrap() = Some(vec![kind(r#"{"facilitatorAddress":"0xa2"}"#)]);
    scene.world.advance(301_000);
    scene.run(pool.kinds()).unwrap();
    scene.world.settle_down();
    let said = scene.run(pool.kinds()).unwrap();
    assert_eq!(said, [kind(r#"{"facilitatorAddress":"0xa2"}"#)]);
    for (nonce, extra, who) in [("n", A, "a"), ("m", B, "b"), ("o", r#"{"facilitatorAddress":"0xa2"}"#, "a")]
    {
        scene.run(scene.pay(&pool, &scene.order(nonce, extra))).unwrap();
        assert_eq!(scene.holder(nonce).as_deref(), Some(who));
    }
}

/// Whoever is next may not be the one who settles, so only what all of them act on is promised.
#[test]
fn the_pool_acts_on_an_extension_when_all_who_may_settle_do() {
    let scene = scene(["{}", "{}"]);
    let with =
        |keys: &[&str]| Kind { extensions: keys.iter().map(|key| (*key).to_owned()).collect(), ..kind("{}") };
    // Two cells of one member may say the same kind: together they act on both.
    *scene.members[0].kinds.lock().unwrap() = Some(vec![with(&["a"]), with(&["b", "c"])]);
    *scene.members[1].kinds.lock().unwrap() = Some(vec![with(&["b", "a"])]);
    assert_eq!(scene.run(scene.pool().kinds()).unwrap(), [with(&["a", "b"])]);
    // A kind that is bound to a settler is settled by that one alone.
    *scene.members[1].kinds.lock().unwrap() = Some(vec![Kind { extra: kind(B).extra, ..with(&[]) }]);
    assert_eq!(scene.run(scene.pool().kinds()).unwrap(), [with(&["a", "b", "c"])]);
}

/// Offers are made for whoever would get the next payment.
#[test]
fn the_kinds_of_the_pool_are_those_of_whoever_is_next() {
    let scene = scene([A, B]);
    let pool = scene.pool();
    assert_eq!(scene.run(pool.kinds()).unwrap(), [kind(A)]);
    *scene.members[0].fee.lock().unwrap() = 7;
    *scene.members[1].fee.lock().unwrap() = 5;
    for extra in [A, B] {
        scene.run(pool.effort(&scene.order("n", extra))).unwrap();
    }
    assert_eq!(scene.run(pool.kinds()).unwrap(), [kind(B)], "it is cheaper");
    scene.members[1].does(Does::Away);
    for n in 0..3 {
        scene.run(scene.pay(&pool, &scene.order(&format!("n{n}"), B))).unwrap_err();
    }
    assert_eq!(scene.run(pool.kinds()).unwrap(), [kind(A)], "the cheaper one rests");
}
