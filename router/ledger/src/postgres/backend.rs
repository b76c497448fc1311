//! The server's process behind a connection, which may outlive it.

use super::fail;
use std::time::Duration;
use tokio_postgres::Client;
use tollway_core::Result;

/// How often, and how far apart, the server is asked whether a process is gone: five seconds altogether.
const LOOKS: u32 = 100;
const APART: Duration = Duration::from_millis(50);

/// Numbers are used again, so the moment of the start, in microseconds, belongs to a process's name.
const OWN: &str = "select pid, (extract(epoch from backend_start) * 1000000)::bigint
    from pg_stat_activity where pid = pg_backend_pid()";
/// Everybody may end the sessions of its own role.
const END: &str = "select pg_terminate_backend(pid)
    from pg_stat_activity where pid = $1 and (extract(epoch from backend_start) * 1000000)::bigint = $2";

/// What a connection talks to.
pub(super) struct Backend {
    pid: i32,
    start_us: i64,
}

impl Backend {
    /// The one behind this connection.
    pub(super) async fn of(client: &Client) -> Result<Self> {
        let row = client.query_one(OWN, &[]).await.map_err(fail::postgres)?;
        let pid = row.try_get(0).map_err(fail::postgres)?;
        let start_us = row.try_get(1).map_err(fail::postgres)?;
        Ok(Self { pid, start_us })
    }

    /// Ends it over another connection, and waits until it is gone: what it had under way is then done or not, for good.
    ///
    /// # Errors
    /// [`tollway_core::Code::LedgerFailed`] while it is still there.
    pub(super) async fn end(&self, over: &Client) -> Result<()> {
        let ending = over.prepare(END).await.map_err(fail::postgres)?;
        for _ in 0..LOOKS {
            let there = over.query(&ending, &[&self.pid, &self.start_us]).await.map_err(fail::postgres)?;
            if there.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(APART).await;
        }
        Err(fail::away("PostgreSQL has not ended a lost connection yet"))
    }
}
