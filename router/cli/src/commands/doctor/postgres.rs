//! Does the database answer, may we write there, does it keep what it takes, and what time is it there?

use super::finding::{Finding, words};
use super::ledger::AREA;
use super::{clock, within};
use crate::setup;
use tollway::core::{Code, Error, Ledger as _, Next, RecordKey};
use tollway::ledger::{PostgresCheckup, PostgresLedger, PostgresSettings};

/// As many connections as one process keeps.
const CONNECTIONS: u64 = 8;

/// The ledger whose URL is in the variable `name`.
pub(super) async fn check(name: &str) -> Vec<Finding> {
    let subject = format!("PostgreSQL in {name}");
    let settings = match setup::postgres(name) {
        Ok(settings) => settings,
        Err(e) => {
            let advice = format!("export {name}=postgres://user:password@host:5432/database");
            return vec![Finding::bad(AREA, subject, e.words, advice)];
        }
    };
    match within(PostgresCheckup::of(&settings)).await {
        Ok(Ok(found)) => {
            let mut findings = conditions(&subject, &found);
            findings.push(tables(&subject, name, &settings, &found).await);
            findings.push(clock::compare(&format!("{subject} by its own clock"), found.time));
            findings
        }
        Ok(Err(e)) => vec![broken(&subject, name, &e)],
        Err(late) => vec![Finding::bad(AREA, subject, late, AWAY)],
    }
}

const AWAY: &str = "is the database up, and may this machine reach it? On another machine it must speak TLS with a public certificate";

fn broken(subject: &str, name: &str, e: &Error) -> Finding {
    let advice = match (&e.code, &e.next) {
        (Code::LedgerFailed, Next::Later) => AWAY.to_owned(),
        _ => format!("mend user, password or database in {name}, or grant this user what it lacks"),
    };
    Finding::bad(AREA, subject, words(e), advice)
}

/// What would lose or refuse what is written there.
fn conditions(subject: &str, found: &PostgresCheckup) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut bad = |said: &str, advice: &str| findings.push(Finding::bad(AREA, subject, said, advice));
    if found.standby {
        bad("is a standby, which takes no writes", "name the primary");
    }
    if !found.durable {
        let advice = "set fsync = on and full_page_writes = on: what was signed must outlive a power cut";
        bad("may lose commits that it has answered", advice);
    }
    if !found.utf8 {
        bad("its text is not UTF-8", "make the database with encoding UTF8");
    }
    let left = found.connections_max.saturating_sub(found.connections);
    if left < CONNECTIONS {
        let said = format!("{left} of {} connections are left", found.connections_max);
        let advice = "raise max_connections: a process takes eight";
        findings.push(Finding::warn(AREA, subject, said, advice));
    }
    findings
}

async fn tables(subject: &str, name: &str, settings: &PostgresSettings, found: &PostgresCheckup) -> Finding {
    let server = format!("PostgreSQL {}", found.server);
    let schema = match found.schema {
        None if found.may_create && !found.standby => {
            return Finding::ok(AREA, subject, format!("{server}; the tables are made at the first use"));
        }
        None => {
            let said = "the tables are not there, and this user may not make them";
            return Finding::bad(AREA, subject, said, "grant create on its database to this user");
        }
        Some(schema) => schema,
    };
    if schema > PostgresCheckup::SCHEMA {
        let said = format!("has schema {schema}, and this Tollway knows up to {}", PostgresCheckup::SCHEMA);
        return Finding::bad(AREA, subject, said, "use the Tollway that made it, or a newer one");
    }
    if schema < PostgresCheckup::SCHEMA {
        let said = format!("{server}; schema {schema} is brought up to date by the next start");
        return Finding::ok(AREA, subject, said);
    }
    let asking = async {
        let ledger = PostgresLedger::open(settings.clone().connections(1)).await?;
        ledger.load(&RecordKey("health/doctor".to_owned())).await
    };
    match within(asking).await {
        Ok(Ok(_)) => Finding::ok(AREA, subject, format!("{server}, schema {schema}; opens and answers")),
        Ok(Err(e)) => broken(subject, name, &e),
        Err(late) => Finding::bad(AREA, subject, late, AWAY),
    }
}
