//! The ledger in PostgreSQL, on a real server: the whole contract, several processes' worth of connections, and a server that
//! is killed in between.

use std::sync::{Arc, Mutex, OnceLock};
use tollway_core::{BudgetLine, Claim, Code, Ledger, Next, Spend, Time, Write};
use tollway_devnet::Postgres;
use tollway_ledger::{PostgresLedger, PostgresSettings};

/// One server and one runtime for the suite.
fn server() -> &'static (Postgres, tokio::runtime::Runtime) {
    static SERVER: OnceLock<(Postgres, tokio::runtime::Runtime)> = OnceLock::new();
    SERVER.get_or_init(|| (Postgres::start().unwrap(), tokio::runtime::Runtime::new().unwrap()))
}

/// A client of the server as it comes, to look and to tidy.
async fn client(server: &Postgres, database: &str) -> tokio_postgres::Client {
    let url = server.url(database);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn database(server: &Postgres, name: &str) -> PostgresSettings {
    client(server, "postgres").await.batch_execute(&format!("create database {name}")).await.unwrap();
    PostgresSettings::new(&server.url(name)).unwrap()
}

/// A database that a test has to itself, emptied whenever a new ledger is asked for.
struct Room {
    ledger: Arc<PostgresLedger>,
    broom: tokio_postgres::Client,
}

/// An empty ledger. Tests run side by side, each in a database of its own.
fn empty() -> Arc<dyn Ledger> {
    static ROOMS: Mutex<Vec<(std::thread::ThreadId, Room)>> = Mutex::new(Vec::new());
    let (server, runtime) = server();
    let me = std::thread::current().id();
    let mut rooms = ROOMS.lock().unwrap();
    if !rooms.iter().any(|(whose, _)| *whose == me) {
        let name = format!("room{}", rooms.len());
        let room = runtime.block_on(async {
            let ledger = PostgresLedger::open(database(server, &name).await.connections(4)).await.unwrap();
            Room { ledger: Arc::new(ledger), broom: client(server, &name).await }
        });
        rooms.push((me, room));
    }
    let (_, room) = rooms.iter().find(|(whose, _)| *whose == me).unwrap();
    let sweep = ["line", "hold", "spending", "budget", "claim", "record"]
        .map(|table| format!("delete from tollway.{table};"))
        .concat();
    runtime.block_on(room.broom.batch_execute(&sweep)).unwrap();
    room.ledger.clone()
}

tollway_testkit::ledger_suite!(empty);

fn line(amount: u128, limit: u128) -> BudgetLine {
    BudgetLine { budget: "day".into(), amount, limit, since: Time::ZERO }
}

/// A fleet starts over an empty database at the same moment, and then works on the same names.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_over_one_database_agrees() {
    let (server, _) = server();
    let settings = database(server, "fleet").await.connections(3);
    let opened = (0..6).map(|_| PostgresLedger::open(settings.clone()));
    let fleet: Vec<_> = futures::future::try_join_all(opened).await.unwrap();
    let fleet: Vec<Arc<PostgresLedger>> = fleet.into_iter().map(Arc::new).collect();

    let work = (0..240u32).map(|n| {
        let ledger = fleet[usize::try_from(n).unwrap() % fleet.len()].clone();
        tokio::spawn(async move {
            let held =
                ledger.reserve(&format!("hold{n}").into(), &[line(10, 1_000)], Time::FAR, Time::ZERO).await;
            let keys = [format!("key{}", n % 40).into(), format!("key{}", 39 - n % 40).into()];
            let claim =
                ledger.claim(&keys, &format!("print{n}").into(), Time::FAR, Time::ZERO).await.unwrap();
            let write = Write { key: "one".into(), expect: None, value: Some(n.to_string()) };
            (held, claim, ledger.store(&[write]).await)
        })
    });
    let done = futures::future::join_all(work).await;
    let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    assert_eq!(done.iter().filter(|(held, ..)| held.is_ok()).count(), 100, "what fits and no more");
    assert!(done.iter().all(|(held, ..)| held.as_ref().err().is_none_or(|e| e.code == Code::BudgetExceeded)));
    // Each pair of keys is claimed from both ends.
    assert_eq!(done.iter().filter(|(_, claim, _)| *claim == Claim::Fresh).count(), 20);
    assert_eq!(done.iter().filter(|(.., stored)| stored.is_ok()).count(), 1);
    assert_eq!(fleet[5].used(&[line(0, 0)]).await.unwrap(), [1_000]);
}

/// What was answered is on disk, what was not is done or not, and the connections come back by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_loses_nothing_that_was_answered() {
    let mut server = Postgres::start().unwrap();
    let ledger = Arc::new(
        PostgresLedger::open(PostgresSettings::new(&server.url("postgres")).unwrap()).await.unwrap(),
    );
    let mut answered = Vec::new();
    for round in 0..3u32 {
        let writer = ledger.clone();
        let writing = tokio::spawn(async move {
            let mut kept = Vec::new();
            for n in 0u32.. {
                let key = format!("k/{round}/{n}");
                let write = Write { key: key.as_str().into(), expect: None, value: Some("v".into()) };
                match writer.store(&[write]).await {
                    Ok(()) => kept.push(key),
                    Err(e) => {
                        assert_eq!((e.code, e.next), (Code::LedgerFailed, Next::Later));
                        return kept;
                    }
                }
            }
            kept
        });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        tokio::task::block_in_place(|| server.crash());
        let kept = writing.await.unwrap();
        assert!(!kept.is_empty());
        answered.extend(kept);
        tokio::task::block_in_place(|| server.restart()).unwrap();
        // Every connection comes back; until then it says so.
        let mut found = Vec::new();
        for _ in 0..400 {
            match ledger.scan("k/", None, usize::MAX).await {
                Ok(records) => {
                    found = records.into_iter().map(|record| record.key.0).collect();
                    break;
                }
                Err(e) => assert_eq!(e.next, Next::Later, "{e}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert!(answered.iter().all(|key| found.contains(key)), "{} of {}", found.len(), answered.len());
        for _ in 0..400 {
            let key = "k".into();
            let asked = futures::future::join_all((0..16).map(|_| ledger.load(&key))).await;
            if asked.iter().all(Result::is_ok) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }
}

/// A way to the server that can be cut. What the server has been asked for stays with it.
struct Wire {
    port: u16,
    through: Arc<Mutex<Vec<tokio::task::AbortHandle>>>,
}

impl Wire {
    async fn to(server: &Postgres) -> Self {
        let (_, rest) = server.url("x").split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let socket = format!("{}/.s.PGSQL.5432", rest.trim_end_matches("/x").replace("%2F", "/"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, through) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<_>>>::default());
        let all = Arc::clone(&through);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = tokio::net::UnixStream::connect(&socket).await.unwrap();
                let task =
                    tokio::spawn(
                        async move { drop(tokio::io::copy_bidirectional(&mut near, &mut far).await) },
                    );
                all.lock().unwrap().push(task.abort_handle());
            }
        });
        Self { port, through }
    }

    fn cut(&self) {
        self.through.lock().unwrap().drain(..).for_each(|task| task.abort());
    }
}

/// Both connections answer again: one that was cut is noticed by the next who asks over it.
async fn both_up(ledger: &PostgresLedger) {
    let key = "none".into();
    while !futures::future::join_all((0..4).map(|_| ledger.load(&key))).await.iter().all(Result::is_ok) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The server does not notice that a connection is gone while it waits for a lock. Nobody may be told "not there" of what
/// it still may commit.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_connection_asked_for_is_over_before_anybody_is_told_of_it() {
    let (server, _) = server();
    drop(database(server, "cut").await);
    let wire = Wire::to(server).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/cut", wire.port);
    let ledger =
        Arc::new(PostgresLedger::open(PostgresSettings::new(&url).unwrap().connections(2)).await.unwrap());
    let here = client(server, "cut").await;
    let waiting = "select count(*) from pg_stat_activity where datname = 'cut' and wait_event_type = 'Lock'";
    let count = async || here.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0);
    for round in 0..3 {
        let key = format!("late{round}");
        both_up(&ledger).await;
        here.batch_execute("begin; lock table tollway.record in exclusive mode").await.unwrap();
        let (writer, late) = (Arc::clone(&ledger), key.clone());
        let writing = tokio::spawn(async move {
            writer.store(&[Write { key: late.as_str().into(), expect: None, value: Some("v".into()) }]).await
        });
        while count().await == 0 {
            assert!(!writing.is_finished(), "the lock holds it");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        wire.cut();
        assert_eq!(writing.await.unwrap().unwrap_err().next, Next::Later);
        let key = key.as_str().into();
        // The other connection is lost as well, and says so when it is next.
        let told = async || loop {
            match ledger.load(&key).await {
                Ok(found) => break found,
                Err(e) => assert_eq!(e.next, Next::Later, "{e}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        assert_eq!((told().await, count().await), (None, 0), "nobody waits to commit it");
        here.batch_execute("commit").await.unwrap();
        assert_eq!(told().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_will_not_do_is_named_and_its_address_is_not() {
    let (server, _) = server();
    for bad in ["", "postgres://", "host", "postgres://user:hush@"] {
        let e = PostgresSettings::new(bad).map(drop).unwrap_err();
        assert!(e.code == Code::BadSettings && !e.detail.contains("hush"), "{bad}: {e}");
    }
    let none = PostgresSettings::new(&server.url("nowhere")).unwrap();
    let e = PostgresLedger::open(none).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::LedgerFailed, Next::Never));
    let gone = PostgresSettings::new("postgres://me:hush@127.0.0.1:1/x").unwrap();
    assert!(!format!("{gone:?}").contains("hush"));
    let e = PostgresLedger::open(gone).await.unwrap_err();
    assert_eq!((e.code.clone(), e.next.clone()), (Code::LedgerFailed, Next::Later));
    assert!(!format!("{e:?}").contains("hush"));

    let newer = database(server, "newer").await;
    drop(PostgresLedger::open(newer.clone()).await.unwrap());
    client(server, "newer").await.batch_execute("update tollway.schema set version = 99").await.unwrap();
    let e = PostgresLedger::open(newer).await.unwrap_err();
    assert!(e.detail.contains("schema 99") && e.next == Next::Never, "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_forgotten_late_and_open_ones_never() {
    let (server, _) = server();
    let ledger = PostgresLedger::open(database(server, "purge").await).await.unwrap();
    let (day, week) = (Time::from_secs(86_400), Time::from_ms(tollway_ledger::RETENTION_MS));
    let receipt = tollway_core::Receipt {
        landed: tollway_core::Landed::Committed { id: "1".into() },
        charged: tollway_core::Amount::new(
            tollway_core::AssetId::native(tollway_core::ChainId::new("eip155:1").unwrap()),
            u128::MAX,
        ),
        payer: None,
        chain: tollway_core::ChainId::new("eip155:1").unwrap(),
        spent: None,
        extra: tollway_core::Extra::default(),
    };
    for n in 0..1_500 {
        let (key, print) = ([format!("key{n:05}").into()], format!("print{n}").into());
        ledger.claim(&key, &print, day, Time::ZERO).await.unwrap();
        if n % 2 == 0 {
            ledger.conclude(&key, &print, Some(&receipt)).await.unwrap();
        }
    }
    assert_eq!(ledger.purge(Time::ZERO).await.unwrap(), 0, "inside their window");
    let seen = day.plus_ms(1);
    assert_eq!(ledger.purge(seen).await.unwrap(), 0, "marked");
    assert_eq!(ledger.purge(seen.plus_ms(week.ms() - 1)).await.unwrap(), 0);
    assert_eq!(ledger.purge(seen.plus_ms(week.ms())).await.unwrap(), 750);
    let open = ledger.seen(&["key00001".into()], &"print1".into()).await.unwrap();
    assert_eq!(open, Some(Claim::Same(None)));
    ledger.reserve(&"h".into(), &[line(3, 10)], Time::FAR, Time::ZERO).await.unwrap();
    ledger.close(&"h".into(), Spend::Part { taken: 1, of: 2 }, Time::ZERO).await.unwrap();
    assert_eq!(ledger.used(&[line(0, 0)]).await.unwrap(), [2]);
}
