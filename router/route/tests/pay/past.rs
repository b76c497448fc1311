//! What is over is kept, and not read again by those who look for what is open.

use super::*;
use futures::executor::block_on;

/// More than one page of the ledger.
const MANY: usize = 300;

#[test]
fn settling_up_reads_what_is_open_and_no_more() {
    let world = World::new();
    let router = router(&world, policy());
    for _ in 0..MANY {
        pay(&world, &router, &terms(1), vec![Act::Settles]).unwrap();
    }
    pay(&world, &router, &terms(1), vec![Act::Vanishes]).unwrap_err();
    world.advance(61_000);
    let scans = world.books.scans.load(Ordering::SeqCst);
    let moved = run(&world, router.settle_up()).unwrap();
    assert_eq!(moved.iter().map(|record| record.stage).collect::<Vec<_>>(), [AttemptStage::Dead]);
    assert_eq!(
        world.books.scans.load(Ordering::SeqCst) - scans,
        1,
        "the open one stands before all that are over"
    );
    assert_eq!(run(&world, router.attempts()).unwrap().len(), MANY + 1, "and nothing is forgotten");
}

/// As an older Tollway wrote it: beside those that are open.
#[test]
fn what_an_older_journal_has_of_the_past_is_put_away() {
    let (world, router, paid) = pays(vec![Act::Settles]);
    paid.unwrap();
    let books = &world.books.inner;
    let record = block_on(books.scan("attempt/", None, 9)).unwrap().remove(0);
    let id = record.key.0.strip_prefix("attempt/~/").unwrap();
    let old = RecordKey(format!("attempt/{id}"));
    let put = Write { key: old.clone(), expect: None, value: Some(record.value.clone()) };
    let gone = Write { key: record.key.clone(), expect: Some(record.version), value: None };
    block_on(books.store(&[put, gone])).unwrap();
    assert_eq!(run(&world, router.settle_up()).unwrap(), [], "nothing moves");
    assert_eq!(block_on(books.load(&old)).unwrap(), None);
    assert_eq!(block_on(books.load(&record.key)).unwrap().unwrap().value, record.value);
}
