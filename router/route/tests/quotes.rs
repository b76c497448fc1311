//! The quote book: warm without I/O, one request in flight, nothing wedged, nobody held up.

mod kit;

use kit::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::*;
use tollway_route::quotes::Wants;
use tollway_route::*;

const SOON: Purpose = Purpose::Interactive;
const TTL_MS: u64 = 4_000;
/// [`QuoteSettings::default`].
const STALE_MS: u64 = 4_000;
const DEADLINE_MS: u64 = 1_500;

fn fees(n: u8) -> Wants {
    Wants { tariffs: [(chain(n), SOON)].into(), ..Wants::default() }
}

fn prices(n: u8) -> Wants {
    Wants { prices: [usdc(n)].into(), ..Wants::default() }
}

fn both(n: u8) -> Wants {
    Wants { tariffs: [(chain(n), SOON)].into(), prices: [usdc(n)].into() }
}

/// What a unit of compute costs by the book.
fn each(book: &QuoteBook, n: u8) -> Result<u128> {
    let work = Work::new(Bearer::Settler, "w", 10, Sample::default());
    Ok(book.tariff(chain(n), SOON)?.price(&work)?.total() / 11)
}

fn code<T>(got: Result<T>) -> Code {
    got.err().expect("fails").code
}

#[test]
fn warm_quotes_cost_no_io() {
    let world = World::new();
    let book = book(&world);
    assert_eq!(code(each(&book, 1)), Code::NoQuote);
    run(&world, book.gather(&both(1)));
    assert_eq!(world.calls(), (1, 1));
    for _ in 0..100 {
        run(&world, book.gather(&both(1)));
        assert_eq!(each(&book, 1).unwrap(), 1_000_000_000);
        assert!(book.price(&usdc(1)).is_ok());
    }
    assert_eq!(world.calls(), (1, 1));
    assert!(poll(&world, book.gather(&both(1)), 1).is_some(), "warm: ready at once");
}

#[test]
fn stale_quotes_are_used_while_one_request_is_in_flight() {
    let world = World::new();
    let book = book(&world);
    run(&world, book.gather(&fees(1)));
    world.advance(TTL_MS);
    world.net(1, Net::Slow(7, 20));
    for _ in 0..10 {
        assert!(poll(&world, book.gather(&fees(1)), 1).is_some(), "nobody waits for a stale quote");
        assert_eq!(each(&book, 1).unwrap(), 1_000_000_000);
        world.turn();
    }
    assert_eq!(world.calls().0, 2, "exactly one refresh");
    world.settle_down();
    assert_eq!(each(&book, 1).unwrap(), 7);
    assert_eq!(world.calls().0, 2);
}

#[test]
fn times_end_at_their_end() {
    let world = World::new();
    let book = book(&world);
    run(&world, book.gather(&both(1)));
    let taken = world.now().ms();
    let at = |ms: u64| world.now.store(taken + ms, Ordering::SeqCst);
    at(TTL_MS + STALE_MS - 1);
    assert!(each(&book, 1).is_ok());
    at(TTL_MS + STALE_MS);
    assert_eq!(code(each(&book, 1)), Code::StaleQuote);
    at(10_000 + STALE_MS - 1);
    assert!(book.price(&usdc(1)).is_ok());
    at(10_000 + STALE_MS);
    assert_eq!(code(book.price(&usdc(1))), Code::StaleQuote);
}

#[test]
fn a_hundred_callers_share_one_request() {
    let world = World::new();
    world.net(1, Net::Slow(5, 10_000));
    let book = book(&world);
    let wants = both(1);
    let mut asking: Vec<_> = (0..100).map(|_| Box::pin(book.gather(&wants))).collect();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..3 {
        asking.iter_mut().for_each(|f| assert!(f.as_mut().poll(&mut cx).is_pending()));
    }
    assert_eq!(world.calls(), (1, 1));
    for f in asking {
        run(&world, f);
    }
    assert_eq!(world.calls(), (1, 1));
    assert_eq!(each(&book, 1).unwrap(), 5);
}

#[test]
fn a_silent_network_holds_nobody_up_beyond_the_deadline() {
    let world = World::new();
    world.net(1, Net::Silent);
    let book = book(&world);
    let before = world.now();
    let wants = Wants { tariffs: [(chain(1), SOON), (chain(2), SOON)].into(), ..both(2) };
    run(&world, book.gather(&wants));
    assert!(world.now().ms_since(before) <= DEADLINE_MS + 200);
    assert!(each(&book, 2).is_ok(), "the other chain is there");
    assert_eq!(code(each(&book, 1)), Code::NoQuote);
}

/// One dead node costs one deadline, not one for each payment.
#[test]
fn a_silent_network_is_waited_for_once() {
    let world = World::new();
    world.net(1, Net::Silent);
    let book = book(&world);
    run(&world, book.gather(&fees(1)));
    for _ in 0..10 {
        assert!(poll(&world, book.gather(&fees(1)), 1).is_some());
        assert_eq!(code(each(&book, 1)), Code::NoQuote);
    }
    assert_eq!(world.calls().0, 1);
}

#[test]
fn a_late_answer_serves_the_next_caller() {
    let world = World::new();
    world.net(1, Net::Slow(5, 10_000));
    let book = book(&world);
    assert!(poll(&world, book.gather(&fees(1)), 3).is_none(), "the caller leaves");
    (0..60).for_each(|_| world.settle_down());
    assert_eq!(each(&book, 1).unwrap(), 5, "the request went on without it");
    assert_eq!(world.calls().0, 1);
}

/// Without a runtime a request that the caller left is taken up by the next caller.
#[test]
fn a_request_that_nobody_drives_is_driven_by_the_next_caller() {
    let world = World::new();
    world.runtime.store(false, Ordering::SeqCst);
    world.net(1, Net::Slow(5, 10));
    let book = book(&world);
    assert!(poll(&world, book.gather(&fees(1)), 3).is_none());
    run(&world, book.gather(&fees(1)));
    assert_eq!(each(&book, 1).unwrap(), 5);
    assert_eq!(world.calls().0, 1);
}

#[test]
fn failures_are_told_in_the_nodes_words() {
    let world = World::new();
    world.net(
        1,
        Net::Fails(Error::network(Code::RpcRefused).detail("method eth_feeHistory is not available")),
    );
    world.price(usdc(1), Err(Error::network(Code::StalePrice).detail("the feed is 3 days old")));
    let book = book(&world);
    run(&world, book.gather(&both(1)));
    let e = book.tariff(chain(1), SOON).unwrap_err();
    assert_eq!((e.code, e.next), (Code::NoQuote, Next::OtherRoute));
    assert!(e.detail.contains("eth_feeHistory is not available"), "{}", e.detail);
    let e = book.price(&usdc(1)).unwrap_err();
    assert_eq!(e.code, Code::StalePrice);
    assert!(e.detail.contains("3 days"));
    // And it is asked again, not remembered as a failure for ever.
    world.net(1, Net::Gas(3));
    run(&world, book.gather(&both(1)));
    assert_eq!(each(&book, 1).unwrap(), 3);
}

#[test]
fn a_failure_hides_no_usable_value() {
    let world = World::new();
    let book = book(&world);
    run(&world, book.gather(&fees(1)));
    world.net(1, Net::Fails(Error::network(Code::Unreachable)));
    world.advance(TTL_MS + 1);
    run(&world, book.gather(&fees(1)));
    world.settle_down();
    assert_eq!(world.calls().0, 2);
    assert_eq!(each(&book, 1).unwrap(), 1_000_000_000, "stale, and usable");
    world.advance(STALE_MS);
    let e = book.tariff(chain(1), SOON).unwrap_err();
    assert_eq!(e.code, Code::NoQuote);
    assert!(e.detail.contains("unreachable"), "{}", e.detail);
}

/// A fetch that never ends must not keep its key for ever.
#[test]
fn a_fetch_that_never_ends_is_given_up() {
    let world = World::new();
    world.net(1, Net::Silent);
    let book = book(&world);
    run(&world, book.gather(&fees(1)));
    world.net(1, Net::Gas(3));
    world.advance(60_000);
    run(&world, book.gather(&fees(1)));
    assert_eq!(each(&book, 1).unwrap(), 3);
    world.settle_down();
    assert_eq!(world.tasks(), 0, "and it does not linger in the background");
}

#[test]
fn a_fetch_that_panics_is_a_failure_like_any_other() {
    let world = World::new();
    world.net(1, Net::Panics);
    let book = book(&world);
    for _ in 0..3 {
        run(&world, book.gather(&fees(1)));
        assert_eq!(code(each(&book, 1)), Code::NoQuote);
    }
    world.net(1, Net::Gas(3));
    run(&world, book.gather(&fees(1)));
    assert_eq!(each(&book, 1).unwrap(), 3);
}

/// An answer that comes after a newer one was put in must not replace it.
#[test]
fn an_old_answer_does_not_replace_a_newer_one() {
    let world = World::new();
    world.net(1, Net::Slow(5, 30));
    let book = book(&world);
    assert!(poll(&world, book.gather(&fees(1)), 2).is_none());
    #[derive(Debug)]
    struct Pushed(Time);
    impl Tariff for Pushed {
        fn price(&self, _: &Work) -> Result<Cost> {
            let mut cost = Cost::new(AssetId::native(chain(1)));
            cost.add(Part::Execution, 99 * 11)?;
            Ok(cost)
        }
        fn taken_at(&self) -> Time {
            self.0
        }
        fn valid_until(&self) -> Time {
            self.0.plus_ms(60_000)
        }
        fn source(&self) -> &str {
            "push"
        }
    }
    book.put_tariff(chain(1), SOON, Arc::new(Pushed(world.now())));
    world.settle_down();
    assert_eq!(each(&book, 1).unwrap(), 99);
}

#[test]
fn keep_warm_refreshes_before_the_end() {
    let world = World::new();
    let book = book(&world);
    run(&world, book.gather(&both(1)));
    let mut warming = Box::pin(book.clone().keep_warm(500));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for n in 0..2_000u128 {
        assert!(warming.as_mut().poll(&mut cx).is_pending());
        world.settle_down();
        world.advance(50);
        let (tariffs, prices) = world.calls();
        assert!(poll(&world, book.gather(&both(1)), 1).is_some());
        assert_eq!(world.calls(), (tariffs, prices), "asking causes no I/O at {n}");
    }
    let (tariffs, prices) = world.calls();
    assert!((25..50).contains(&tariffs), "100 s of quotes for 4 s: {tariffs}");
    assert!((10..20).contains(&prices), "100 s of prices for 10 s: {prices}");
    drop(warming);
}

/// Dropped after any number of polls, the book answers the next caller.
#[test]
fn gathering_is_cancel_safe() {
    for n in 0..20 {
        let world = World::new();
        let book = book(&world);
        let _ = poll(&world, book.gather(&both(1)), n);
        run(&world, book.gather(&both(1)));
        assert!(each(&book, 1).is_ok() && book.price(&usdc(1)).is_ok());
        assert_eq!(world.calls(), (1, 1));
    }
}

#[test]
fn a_chain_that_is_not_there_says_so_at_once() {
    let world = World::new();
    let book = book(&world);
    assert!(poll(&world, book.gather(&fees(8)), 1).is_some(), "nothing to wait for");
    assert_eq!(code(each(&book, 8)), Code::NoQuote);
    run(&world, book.gather(&prices(8)));
}
