//! How a database stands as a ledger, without changing anything in it.

use super::{PostgresSettings, fail, get, migrate, version};
use tokio_postgres::Client;
use tollway_core::{Result, Time};

/// Nobody waits long for a look.
const MANNERS: &str =
    "set statement_timeout to '5s'; set lock_timeout to '2s'; set default_transaction_read_only to on";

/// One row, whoever asks may read all of it.
const LOOK: &str = "select current_setting('server_version'),
    pg_is_in_recovery(),
    current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on',
    current_setting('server_encoding') = 'UTF8',
    has_database_privilege(current_database(), 'CREATE'),
    current_setting('max_connections')::bigint,
    (select count(*) from pg_stat_activity where backend_type = 'client backend'),
    (extract(epoch from clock_timestamp()) * 1000)::bigint,
    to_regclass('tollway.schema') is not null";

/// How a database stands as a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresCheckup {
    /// The server's own version: `17.2`.
    pub server: String,
    /// The version of the ledger's tables; `None` where no ledger has been made yet.
    pub schema: Option<u64>,
    /// True on a standby, which takes no writes.
    pub standby: bool,
    /// True when a commit that was answered outlives a power cut: `fsync` and `full_page_writes` are on.
    pub durable: bool,
    /// True when its text is UTF-8.
    pub utf8: bool,
    /// True when this user may make the tables.
    pub may_create: bool,
    /// The most connections that the server takes, and how many clients have now, this look among them.
    pub connections_max: u64,
    /// See [`Self::connections_max`].
    pub connections: u64,
    /// What time it is there.
    pub time: Time,
}

impl PostgresCheckup {
    /// The newest version of the tables that this build knows; older ones are brought up to it by whoever opens them.
    pub const SCHEMA: u64 = migrate::NEWEST;

    /// Looks, over a connection of its own that is closed again.
    ///
    /// # Errors
    /// As [`super::PostgresLedger::open`]; a schema that is newer than this build is none.
    pub async fn of(settings: &PostgresSettings) -> Result<Self> {
        let (client, driver) = settings.connect().await?;
        let looked = look(&client).await;
        drop(client);
        // Ends with the client that it serves.
        let _ = driver.await;
        looked
    }
}

async fn look(client: &Client) -> Result<PostgresCheckup> {
    client.batch_execute(MANNERS).await.map_err(fail::postgres)?;
    let row = client.query_one(LOOK, &[]).await.map_err(fail::postgres)?;
    let schema = match get::<bool>(&row, 8)? {
        false => None,
        true => {
            let found = client.query_opt("select version from tollway.schema", &[]).await;
            found.map_err(fail::postgres)?.map(|row| get::<i64>(&row, 0)).transpose()?.map(version)
        }
    };
    Ok(PostgresCheckup {
        server: get(&row, 0)?,
        schema,
        standby: get(&row, 1)?,
        durable: get(&row, 2)?,
        utf8: get(&row, 3)?,
        may_create: get(&row, 4)?,
        connections_max: version(get(&row, 5)?),
        connections: version(get(&row, 6)?),
        time: Time::from_ms(version(get(&row, 7)?)),
    })
}
