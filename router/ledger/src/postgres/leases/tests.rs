//! The statements of a real server under a clock that a test turns, and the state machine on top of them.

use super::keeper::{read, split};
use super::tenancy::{Ask, Tenancy};
use super::*;
use crate::PostgresLedger;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use tollway_core::{ChainId, Code, Ledger, Time, Write};
use tollway_devnet::Postgres;

fn server() -> &'static (Postgres, Runtime) {
    static SERVER: OnceLock<(Postgres, Runtime)> = OnceLock::new();
    SERVER.get_or_init(|| (Postgres::start().unwrap(), Runtime::new().unwrap()))
}

async fn client(name: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&server().0.url(name), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn database(name: &str) -> PostgresSettings {
    client("postgres").await.batch_execute(&format!("create database {name}")).await.unwrap();
    PostgresSettings::new(&server().0.url(name)).unwrap().connections(2)
}

fn keys(count: usize) -> Vec<Account> {
    let network = ChainId::new("eip155:8453").unwrap();
    (0..count).map(|n| Account::new(network, &format!("0x{n:02}")).unwrap()).collect()
}

/// A process whose clock runs fast or slow, and which may stop for any time.
struct Process {
    name: String,
    life: i64,
    tenancy: Tenancy,
    /// Thousandths of real time that its clock runs at.
    rate: u64,
    /// A question on its way, and when the server took it.
    asked: Option<(Ask, Option<tenancy::Answer>)>,
}

const TTL_MS: u64 = 1_000;

impl Process {
    async fn begin(db: &Client, name: &str, rate: u64, keys: &[Account]) -> Self {
        let life = db
            .query_one(
                "select tollway.begin_life($1, $2)",
                &[&name.as_bytes(), &i64::try_from(TTL_MS).unwrap()],
            )
            .await
            .unwrap()
            .get(0);
        let mut tenancy = Tenancy::new(LeaseSettings::new(name).ttl_ms(TTL_MS));
        tenancy.want(keys);
        Self { name: name.to_owned(), life, tenancy, rate, asked: None }
    }

    fn clock(&self, real_ms: u64) -> u64 {
        real_ms * self.rate / 1_000
    }

    /// The question reaches the server; the answer is on its way.
    async fn reach(&mut self, db: &Client) {
        let Some((ask, answer @ None)) = &mut self.asked else { return };
        let (wants, back) = (split(&ask.wants), split(&ask.back));
        let ttl_ms = i64::try_from(TTL_MS).unwrap();
        let sql = "select * from tollway.renew($1, $2, $3, $4, $5, $6)";
        match db.query(sql, &[&self.life, &ttl_ms, &wants.0, &wants.1, &back.0, &back.1]).await {
            Ok(rows) => *answer = Some(read(&rows).unwrap()),
            Err(error) => {
                assert_eq!(error.code().unwrap().code(), "TW001", "{error}");
                self.tenancy.end();
                self.asked = None;
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Time goes by.
    Wait(u64),
    Ask(usize),
    Reach(usize),
    Hear(usize),
    /// The question or its answer is lost on the way.
    Lose(usize),
    /// Gives back what leaves.
    GiveBack(usize),
    /// Killed, and started again.
    Kill(usize),
    /// SIGTERM, and started again.
    Bye(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0usize..3;
    prop_oneof![
        3 => (1u64..400).prop_map(Step::Wait),
        1 => (400u64..3_000).prop_map(Step::Wait),
        4 => who.clone().prop_map(Step::Ask),
        4 => who.clone().prop_map(Step::Reach),
        4 => who.clone().prop_map(Step::Hear),
        1 => who.clone().prop_map(Step::Lose),
        2 => who.clone().prop_map(Step::GiveBack),
        1 => who.clone().prop_map(Step::Kill),
        1 => who.prop_map(Step::Bye),
    ]
}

/// Whose each key is, by the processes' own word; no key may be two's.
fn holders(fleet: &[Process], keys: &[Account], real_ms: u64) -> BTreeMap<Account, usize> {
    let mut holders = BTreeMap::new();
    for (at, process) in fleet.iter().enumerate() {
        for key in keys {
            if process.tenancy.tenure(key, process.clock(real_ms)) != Tenure::Away {
                let other = holders.insert(*key, at);
                assert_eq!(other, None, "{key} is held by {} too", process.name);
            }
        }
    }
    holders
}

async fn turn(db: &Client, real_ms: u64) {
    let ms = i64::try_from(real_ms).unwrap();
    db.execute("update tollway.test_clock set ms = $1", &[&ms]).await.unwrap();
}

/// A server whose lease clock a test turns.
async fn still() -> Client {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| async {
        drop(PostgresLedger::open(database("still").await).await.unwrap());
        let made = "create table tollway.test_clock (ms bigint); insert into tollway.test_clock values (0);
            create or replace function tollway.lease_clock() returns timestamptz language sql volatile as
            'select to_timestamp(ms / 1000.0) from tollway.test_clock'";
        client("still").await.batch_execute(made).await.unwrap();
    })
    .await;
    let db = client("still").await;
    db.batch_execute(
        "set search_path to tollway; delete from want; delete from lease; delete from life;
        update test_clock set ms = 0",
    )
    .await
    .unwrap();
    db
}

/// Runs a program; at its end, with everybody well for a while, every key is somebody's, and each has its share.
async fn run(steps: Vec<Step>, rates: [u64; 3]) {
    let (db, keys) = (still().await, keys(8));
    let mut fleet = Vec::new();
    for (n, rate) in rates.into_iter().enumerate() {
        fleet.push(Process::begin(&db, &format!("p{n}"), rate, &keys).await);
    }
    let mut real_ms = 0;
    let settle = [Step::Wait(TTL_MS * 2)].into_iter();
    let calm = (0..8).flat_map(|_| {
        (0..3)
            .flat_map(|n| [Step::Ask(n), Step::Reach(n), Step::Hear(n), Step::GiveBack(n)])
            .chain([Step::Wait(50)])
    });
    for step in steps.into_iter().chain(settle).chain(calm) {
        match step {
            Step::Wait(ms) => {
                real_ms += ms;
                turn(&db, real_ms).await;
            }
            Step::Ask(n) => {
                let process = &mut fleet[n];
                let now = process.clock(real_ms);
                if process.tenancy.is_over() {
                    // As whoever watches over it would: it is started again.
                    let (name, rate) = (process.name.clone(), process.rate);
                    *process = Process::begin(&db, &name, rate, &keys).await;
                } else if process.asked.is_none() {
                    process.asked = Some((process.tenancy.ask(now), None));
                }
            }
            Step::Reach(n) => fleet[n].reach(&db).await,
            Step::Hear(n) => {
                let process = &mut fleet[n];
                match process.asked.take() {
                    Some((ask, Some(answer))) => {
                        let now = process.clock(real_ms);
                        process.tenancy.answered(&ask, &answer, now);
                    }
                    unanswered => process.asked = unanswered,
                }
            }
            Step::Lose(n) => fleet[n].asked = None,
            Step::GiveBack(n) => {
                for key in &keys {
                    fleet[n].tenancy.give_back(key);
                }
            }
            Step::Kill(n) | Step::Bye(n) => {
                if matches!(step, Step::Bye(_)) {
                    fleet[n].tenancy.end();
                    db.query("select tollway.end_life($1)", &[&fleet[n].life]).await.unwrap();
                }
                let (name, rate) = (fleet[n].name.clone(), fleet[n].rate);
                fleet[n] = Process::begin(&db, &name, rate, &keys).await;
            }
        }
        holders(&fleet, &keys, real_ms);
    }
    let held = holders(&fleet, &keys, real_ms);
    let mut shares: Vec<usize> = (0..3).map(|n| held.values().filter(|at| **at == n).count()).collect();
    shares.sort_unstable();
    assert_eq!(shares, [2, 3, 3], "{held:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]
    #[test]
    fn no_key_is_ever_two_holders(
        steps in proptest::collection::vec(step(), 0..60),
        rates in proptest::array::uniform3(900u64..1_100),
    ) {
        server().1.block_on(run(steps, rates));
    }
}

async fn facilitator(settings: &PostgresSettings, name: &str) -> (PostgresLedger, Arc<dyn Leases>) {
    let lease = LeaseSettings::new(name).ttl_ms(2_000);
    let ledger = PostgresLedger::open(settings.clone().leases(lease)).await.unwrap();
    let leases = ledger.leases().unwrap();
    (ledger, leases)
}

fn count(leases: &Arc<dyn Leases>, keys: &[Account]) -> usize {
    keys.iter().filter(|key| leases.tenure(key) != Tenure::Away).count()
}

/// Gives back whatever leaves, until it holds so many.
async fn until_holding(leases: &Arc<dyn Leases>, keys: &[Account], want: usize) {
    let reached = async {
        loop {
            let seen = leases.revision();
            for key in keys {
                leases.give_back(key);
            }
            if count(leases, keys) == want {
                return;
            }
            leases.changed(seen).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap();
}

fn write(key: &str) -> [Write; 1] {
    [Write { key: key.into(), expect: None, value: Some("v".into()) }]
}

#[test]
fn keys_are_shared_evenly_and_the_survivor_takes_all() {
    server().1.block_on(async {
        let (settings, keys) = (database("shared").await, keys(8));
        let (_first, one) = facilitator(&settings, "one").await;
        one.want(&keys);
        until_holding(&one, &keys, 8).await;
        let (second, two) = facilitator(&settings, "two").await;
        two.want(&keys);
        tokio::join!(until_holding(&one, &keys, 4), until_holding(&two, &keys, 4));
        for key in &keys {
            assert_eq!(one.tenure(key) == Tenure::Away, two.tenure(key) != Tenure::Away, "{key}");
        }
        // Gone without a word: its keys are the other's once they have run out.
        let name = two.incarnation().to_owned();
        assert!(!one.has_ended(&name).await.unwrap());
        drop((second, two));
        until_holding(&one, &keys, 8).await;
        assert!(one.has_ended(&name).await.unwrap());
        // Gone with a word: at the next renewal.
        let (_third, three) = facilitator(&settings, "three").await;
        three.want(&keys);
        tokio::join!(until_holding(&one, &keys, 4), until_holding(&three, &keys, 4));
        three.end().await.unwrap();
        assert!(three.is_over());
        assert_eq!(count(&three, &keys), 0);
        until_holding(&one, &keys, 8).await;
    });
}

#[test]
fn what_an_ended_life_writes_is_refused_by_every_writing_method() {
    server().1.block_on(async {
        let settings = database("fenced").await;
        let (old, before) = facilitator(&settings, "same").await;
        old.store(&write("a")).await.unwrap();
        let (new, _after) = facilitator(&settings, "same").await;
        let (print, receipt) = (tollway_core::Print("p".into()), None);
        let line = tollway_core::BudgetLine { budget: "b".into(), amount: 1, limit: 9, since: Time::ZERO };
        let refused = [
            old.store(&write("b")).await.unwrap_err(),
            old.claim(&["k".into()], &print, Time::FAR, Time::ZERO).await.unwrap_err(),
            old.conclude(&["k".into()], &print, receipt).await.unwrap_err(),
            old.reserve(&"h".into(), &[line], Time::FAR, Time::ZERO).await.unwrap_err(),
            old.close(&"h".into(), tollway_core::Spend::All, Time::ZERO).await.unwrap_err(),
        ];
        for error in &refused {
            assert_eq!(error.code, Code::LedgerFailed, "{error}");
            assert!(fail::is_fenced(error), "{error}");
        }
        assert_eq!(old.scan("", None, 10).await.unwrap().len(), 1, "it may look");
        new.store(&write("b")).await.unwrap();
        // It learns of its end by itself.
        tokio::time::timeout(Duration::from_secs(60), async {
            while !before.is_over() {
                before.changed(before.revision()).await;
            }
        })
        .await
        .unwrap();
    });
}

/// What the server still does for a process that is dead: its successor begins after that.
#[test]
fn a_new_life_begins_after_all_that_the_old_one_has_under_way() {
    server().1.block_on(async {
        let settings = database("late").await;
        let (_old, before) = facilitator(&settings, "same").await;
        let life = before.incarnation().rsplit_once('#').unwrap().1.to_owned();
        // A statement of the old life, in the midst of its transaction.
        let mut db = client("late").await;
        db.batch_execute(&format!("set search_path to tollway; set tollway.life to '{life}'")).await.unwrap();
        let tx = db.transaction().await.unwrap();
        tx.execute("select * from store(array['k'::bytea], array[null::bigint], array['v'::bytea])", &[])
            .await
            .unwrap();
        let beginning = tokio::spawn({
            let settings = settings.clone();
            async move { facilitator(&settings, "same").await }
        });
        let look = client("late").await;
        let waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
        while look.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(!beginning.is_finished(), "it did not wait");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tx.commit().await.unwrap();
        let (new, _) = beginning.await.unwrap();
        assert!(new.load(&"k".into()).await.unwrap().is_some(), "what came late is seen");
    });
}
