//! `tollway doctor` over a ledger in PostgreSQL.

use crate::doctor::{Line, only_with, well};
use crate::kit::{Outcome, run};
use tollway_devnet::Postgres;

/// Whoever has the password can take the ledger.
const SECRET: &str = "s3cretpath";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_database_has_its_own_line_and_advice() -> Outcome {
    let world = well().await?;
    let server = tokio::task::spawn_blocking(Postgres::start).await??;
    let (client, connection) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    world.write("tollway.toml", &format!("ledger_env = \"LEDGER_URL\"\n{}", world.config()))?;
    let only =
        async |url: &str, lines: &[Line<'_>]| only_with(&world, &[("LEDGER_URL", url)], &[], lines).await;
    let subject = "PostgreSQL in LEDGER_URL";
    let good = server.url("postgres");

    only_with(&world, &[], &[], &[("ledger", subject, "bad", "not set", "export LEDGER_URL=postgres://")])
        .await?;
    let wrong = ("ledger", subject, "bad", "is not like postgres://", "export LEDGER_URL=postgres://");
    only(SECRET, &[wrong]).await?;
    let gone = ("ledger", subject, "bad", "connection", "is the database up");
    only(&format!("postgres://me:{SECRET}@127.0.0.1:1/x"), &[gone]).await?;
    let named = ("ledger", subject, "bad", "does not exist", "mend user, password or database");
    only(&server.url("nowhere"), &[named]).await?;

    // Nothing is there yet, and looking makes nothing.
    only(&good, &[]).await?;
    assert!(client.query("select 1 from pg_namespace where nspname = 'tollway'", &[]).await?.is_empty());
    client.batch_execute("create role guest login").await?;
    let guest = good.replace("postgres://postgres@", "postgres://guest@");
    let poor = ("ledger", subject, "bad", "may not make them", "grant create");
    only(&guest, &[poor]).await?;

    // A first use makes the tables.
    let mut first = world.command(&["pay", "--settle-up"]);
    first.env("LEDGER_URL", &good);
    tokio::task::spawn_blocking(move || run(first)).await??.good();
    only(&good, &[]).await?;
    let stranger = ("ledger", subject, "bad", "permission denied", "grant this user what it lacks");
    only(&guest, &[stranger]).await?;

    client.batch_execute("alter system set fsync = off").await?;
    client.batch_execute("select pg_reload_conf()").await?;
    // The server reads its settings anew in its own time.
    while client.query_one("show fsync", &[]).await?.get::<_, String>(0) != "off" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let loses = ("ledger", subject, "bad", "may lose commits", "set fsync = on");
    only(&good, &[loses]).await?;
    client.batch_execute("update tollway.schema set version = 99").await?;
    let newer = ("ledger", subject, "bad", "has schema 99", "a newer one");
    only(&good, &[loses, newer]).await?;
    drop(server);
    only(&good, &[gone]).await
}
