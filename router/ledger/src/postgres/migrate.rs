//! The tables and functions, made once by whoever comes first.

use super::fail;
use tokio_postgres::Client;
use tollway_core::Result;

/// Every step from an older schema to the next. Never edit one that was released.
const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// The schema after the last of them.
pub(super) const NEWEST: u64 = 2;
const _: () = assert!(STEPS.len() == 2, "one more step is one more version");

/// Held while looking and changing, so that a fleet can start at once. The number is "Toll" in ASCII.
const LOCK: i64 = 0x546f_6c6c;

/// Brings the schema to what this build knows.
pub(super) async fn migrate(client: &mut Client) -> Result<()> {
    let tx = client.transaction().await.map_err(fail::postgres)?;
    tx.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(fail::postgres)?;
    tx.batch_execute(
        "create schema if not exists tollway;
         create table if not exists tollway.schema (version bigint not null);
         set local search_path to tollway;",
    )
    .await
    .map_err(fail::postgres)?;
    let found = tx.query_opt("select version from tollway.schema", &[]).await.map_err(fail::postgres)?;
    let version = found.map(|row| row.try_get::<_, i64>(0)).transpose().map_err(fail::postgres)?.unwrap_or(0);
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > STEPS.len() {
        return Err(fail::unusable(format!(
            "the ledger has schema {version}, and this Tollway knows up to {}: use a newer Tollway",
            STEPS.len()
        )));
    }
    for step in STEPS.iter().skip(done) {
        tx.batch_execute(step).await.map_err(fail::postgres)?;
    }
    if done < STEPS.len() {
        let now = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
        tx.execute("delete from tollway.schema", &[]).await.map_err(fail::postgres)?;
        tx.execute("insert into tollway.schema (version) values ($1)", &[&now])
            .await
            .map_err(fail::postgres)?;
    }
    tx.commit().await.map_err(fail::postgres)
}
