//! The weave: same seed, same run; all orders over seeds; crashes between any two polls.

use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tollway_core::{Clock, Dice};
use tollway_testkit::weave::{Crashed, SeededDice, Weave, Why, give_way};

type Log = Arc<Mutex<Vec<usize>>>;

/// `tasks` tasks that each note their number `steps` times and give way in between.
fn interleave(weave: &Weave, tasks: usize, steps: usize) -> Vec<usize> {
    let log = Log::default();
    for task in 0..tasks {
        let log = Arc::clone(&log);
        weave.spawn("process", async move {
            for step in 0..steps {
                if step > 0 {
                    give_way().await;
                }
                log.lock().unwrap().push(task);
            }
        });
    }
    weave.run_until_idle().unwrap();
    std::mem::take(&mut *log.lock().unwrap())
}

#[test]
fn the_same_seed_takes_the_same_way() {
    for seed in 0..50 {
        let run = || {
            let weave = Weave::new(seed).rushing(100).recording();
            let clock = weave.clock();
            weave.spawn("sleeper", async move { clock.sleep(10).await });
            let log = interleave(&weave, 4, 3);
            (log, weave.trace(), weave.fingerprint(), weave.steps())
        };
        let (first, second) = (run(), run());
        assert_eq!(first, second, "seed {seed}");
        assert_eq!(u64::try_from(first.1.len()).unwrap(), first.3, "every step is in the trace");
    }
}

#[test]
fn over_seeds_every_order_of_three_tasks_with_two_steps_appears() {
    let mut seen = BTreeSet::new();
    let mut ways = BTreeSet::new();
    for seed in 0..3_000 {
        let weave = Weave::new(seed);
        seen.insert(interleave(&weave, 3, 2));
        ways.insert(weave.fingerprint());
    }
    // 6! / (2! 2! 2!) orders of 0,0,1,1,2,2.
    assert_eq!(seen.len(), 90);
    assert_eq!(ways.len(), 90, "two ways are told apart by their fingerprints, and only two ways are");
}

#[test]
fn a_braid_reaches_every_order_too_and_may_borrow() {
    let mut seen = BTreeSet::new();
    for seed in 0..3_000 {
        let weave = Weave::new(seed);
        let log = Mutex::new(Vec::new());
        let strand = |task: usize| {
            let log = &log;
            async move {
                log.lock().unwrap().push(task);
                give_way().await;
                log.lock().unwrap().push(task);
                task * 10
            }
            .boxed()
        };
        let ends = weave.run(weave.braid((0..3).map(strand))).unwrap();
        assert_eq!(ends, [0, 10, 20], "in the order they were given");
        seen.insert(log.into_inner().unwrap());
    }
    assert_eq!(seen.len(), 90);
}

#[test]
fn an_empty_braid_ends_at_once() {
    let weave = Weave::new(1);
    assert!(weave.run(weave.braid::<u8>([])).unwrap().is_empty());
}

#[test]
fn a_braid_wakes_for_strands_that_wait_for_each_other() {
    for seed in 0..200 {
        let weave = Weave::new(seed);
        let clock = weave.clock();
        let (send, receive) = futures::channel::oneshot::channel();
        let clock = &clock;
        let first = async move {
            clock.sleep(50).await;
            send.send(7).unwrap();
            0
        };
        let ends = weave.run(weave.braid([first.boxed(), async { receive.await.unwrap() }.boxed()]));
        assert_eq!(ends.unwrap(), [0, 7]);
    }
}

#[test]
fn time_stands_still_while_somebody_is_ready_and_jumps_when_nobody_is() {
    let weave = Weave::new(3);
    let (clock, order) = (weave.clock(), Log::default());
    let begin = clock.now();
    for (task, ms) in [300_u64, 100, 200].into_iter().enumerate() {
        let (clock, order) = (weave.clock(), Arc::clone(&order));
        weave.spawn("sleeper", async move {
            clock.sleep(ms).await;
            assert_eq!(clock.now().ms_since(begin), ms);
            order.lock().unwrap().push(task);
        });
    }
    weave
        .run(async {
            for _ in 0..100 {
                give_way().await
            }
        })
        .unwrap();
    assert_eq!(clock.now(), begin, "nobody has waited for time yet");
    weave.run_for(250).unwrap();
    assert_eq!(*order.lock().unwrap(), [1, 2]);
    weave.run_until_idle().unwrap();
    assert_eq!(clock.now().ms_since(begin), 300);
    assert_eq!(clock.next_timer(), None);
}

#[test]
fn a_dropped_sleep_leaves_no_timer_behind() {
    let weave = Weave::new(3);
    let clock = weave.clock();
    let short = clock.sleep(10);
    let race = async { futures::future::select(short, clock.sleep(1_000_000)).await.factor_first().0 };
    weave.run(race).unwrap();
    assert_eq!(clock.next_timer(), None);
    weave.run_until_idle().unwrap();
    assert_eq!(clock.now().ms() % 1_000, 10);
}

#[test]
fn a_rush_lets_a_timeout_come_before_an_answer_that_is_ready() {
    let late = |rush: u16| {
        (0..200)
            .filter(|seed| {
                let weave = Weave::new(*seed).rushing(rush);
                let clock = weave.clock();
                let answer = async {
                    for _ in 0..3 {
                        give_way().await
                    }
                }
                .boxed();
                let raced = weave.run(futures::future::select(answer, clock.sleep(1_000))).unwrap();
                matches!(raced, futures::future::Either::Right(_))
            })
            .count()
    };
    assert_eq!(late(0), 0);
    assert!(late(300) > 20);
}

struct Marks(Arc<AtomicU64>);
impl Drop for Marks {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_crash_drops_every_task_of_its_process_and_no_other() {
    let weave = Weave::new(9);
    let dropped = Arc::new(AtomicU64::new(0));
    let task = |process: &str| {
        let (mark, clock) = (Marks(Arc::clone(&dropped)), weave.clock());
        weave.spawn(process, async move {
            let _mark = mark;
            clock.sleep(100).await;
            5
        })
    };
    let (a, b, c) = (task("shop"), task("shop"), task("bank"));
    weave.run_for(10).unwrap();
    weave.crash("shop");
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
    assert_eq!((a.take(), b.take(), c.take()), (Some(Err(Crashed)), Some(Err(Crashed)), None));
    let again = task("shop");
    assert_eq!(
        weave.run(futures::future::join(c, again)).unwrap(),
        (Ok(5), Ok(5)),
        "it may be started again"
    );
    assert_eq!((weave.crashes(), a.take()), (1, None));
}

#[test]
fn a_process_can_be_crashed_before_each_of_its_polls() {
    let run = |crash_after: Option<u64>| {
        let weave = Weave::new(4);
        let log = Log::default();
        if let Some(polls) = crash_after {
            weave.crash_after("shop", polls);
        }
        for process in ["shop", "bank"] {
            let log = Arc::clone(&log);
            weave.spawn(process, async move {
                for step in 0..4 {
                    log.lock().unwrap().push(if process == "shop" { step } else { 100 });
                    give_way().await;
                }
            });
        }
        weave.run_until_idle().unwrap();
        let log = log.lock().unwrap().clone();
        (log.iter().filter(|n| **n < 100).count(), log.len(), weave.polls("shop"), weave.crashes())
    };
    assert_eq!(run(None), (4, 8, 5, 0));
    for polls in 0..5 {
        let done = usize::try_from(polls).unwrap().min(4);
        assert_eq!(run(Some(polls)), (done, done + 4, polls, 1));
    }
    assert_eq!(run(Some(5)).3, 0, "a fuse longer than the process");
}

#[test]
fn a_task_may_crash_its_own_process_and_what_its_drop_spawns_does_not_outlive_it() {
    struct Spawns(Weave, Arc<AtomicU64>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let ran = Arc::clone(&self.1);
            self.0.spawner("shop")(
                async move {
                    ran.fetch_add(1, Ordering::SeqCst);
                }
                .boxed(),
            );
        }
    }
    let (weave, ran) = (Weave::new(5), Arc::new(AtomicU64::new(0)));
    let (inside, guard) = (weave.clone(), Spawns(weave.clone(), Arc::clone(&ran)));
    let task = weave.spawn("shop", async move {
        let _guard = guard;
        inside.crash("shop");
        give_way().await;
        unreachable!("it was dropped at the await")
    });
    assert_eq!(weave.run(task).unwrap(), Err::<(), _>(Crashed));
    weave.run_until_idle().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn a_spawner_starts_tasks_of_its_process_and_does_not_keep_the_weave() {
    let weave = Weave::new(6);
    let spawn = weave.spawner("shop");
    let ran = Arc::new(AtomicU64::new(0));
    for _ in 0..3 {
        let ran = Arc::clone(&ran);
        spawn(
            async move {
                ran.fetch_add(1, Ordering::SeqCst);
            }
            .boxed(),
        );
    }
    weave.crash_after("shop", 2);
    weave.run_until_idle().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 2);
    drop(weave);
    spawn(async { unreachable!("nobody polls it") }.boxed());
}

#[test]
fn a_deadlock_and_a_livelock_end_with_the_seed_in_their_words() {
    let weave = Weave::new(77);
    weave.spawn("shop", futures::future::pending::<()>());
    let stuck = weave.run(futures::future::pending::<()>()).unwrap_err();
    assert_eq!((stuck.why, stuck.seed), (Why::Deadlock, 77));
    assert!(stuck.to_string().contains("seed 77") && stuck.to_string().contains("shop (1)"), "{stuck}");
    let weave = Weave::new(78).step_bound(1_000);
    let circle = async {
        loop {
            give_way().await
        }
    };
    let stuck = weave.run::<_>(circle.map(|(): ()| ())).unwrap_err();
    assert_eq!((stuck.why, stuck.steps), (Why::Livelock, 1_000));
}

#[test]
fn the_dice_is_seeded_even_and_forks_apart() {
    let bytes = |seed| {
        let mut out = [0; 37];
        SeededDice::new(seed).fill(&mut out);
        out
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
    let dice = SeededDice::new(11);
    let (a, b) = (dice.fork("a"), dice.fork("b"));
    dice.next_u64();
    assert_eq!(a.next_u64(), dice.fork("a").next_u64(), "throwing does not change what is forked");
    assert_ne!(dice.fork("a").next_u64(), b.next_u64());
    let mut counts = BTreeMap::new();
    (0..6_000).for_each(|_| *counts.entry(dice.between(1, 6)).or_insert(0) += 1);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(counts.values().all(|n| (800..1_200).contains(n)), "{counts:?}");
    assert!(!dice.chance(0) && dice.chance(1000));
    assert_eq!((dice.below(0), dice.between(9, 3), dice.pick::<u8>(&[])), (0, 9, None));
    let mut list = [1, 2, 3, 4, 5, 6, 7, 8];
    dice.shuffle(&mut list);
    assert_ne!(list, [1, 2, 3, 4, 5, 6, 7, 8]);
    list.sort_unstable();
    assert_eq!(list, [1, 2, 3, 4, 5, 6, 7, 8]);
}
