//! What is asked of the database, prepared once for each connection.

use super::fail;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};
use tollway_core::{Result, Time};

/// A parameter.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

macro_rules! calls {
    ($($name:ident = $sql:literal,)*) => {
        /// The statements of one connection.
        pub(super) struct Calls {
            $(pub(super) $name: Statement,)*
        }
        impl Calls {
            pub(super) async fn prepare(client: &Client) -> Result<Self> {
                Ok(Self { $($name: client.prepare($sql).await.map_err(fail::postgres)?,)* })
            }
        }
    };
}

calls! {
    reserve = "select * from tollway.reserve($1, $2, $3::text[]::numeric[], $4::text[]::numeric[], $5, $6, $7)",
    used = "select tollway.used_each($1, $2)",
    close = "select tollway.close($1, $2::text::numeric, $3::text::numeric, $4)",
    seen = "select * from tollway.seen($1, $2)",
    claim = "select * from tollway.take($1, $2, $3, $4)",
    conclude = "select tollway.conclude($1, $2, $3)",
    load = "select key, version, value from tollway.record where key = $1",
    store = "select * from tollway.store($1, $2, $3)",
    scan = "select * from tollway.scan($1, $2, $3, $4)",
    begin_life = "select tollway.begin_life($1, $2)",
    end_life = "select tollway.end_life($1)",
    has_ended = "select tollway.has_ended($1, $2)",
    renew = "select * from tollway.renew($1, $2, $3, $4, $5, $6)",
    sweep = "select * from tollway.sweep($1, $2, $3, $4)",
}

/// A moment in milliseconds; what lies past 2^63 ms is kept as 2^63 - 1: still "never".
pub(super) fn ms(time: Time) -> i64 {
    i64::try_from(time.ms()).unwrap_or(i64::MAX)
}

/// A count; more than can be counted is all there is.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
