//! Does the memory open, is it free, and is it private?

use super::finding::{Finding, words};
use super::{postgres, within};
use crate::config::Config;
use std::path::Path;
use tollway::core::{Ledger as _, Next, RecordKey};
use tollway::ledger::SqliteLedger;

pub(super) const AREA: &str = "ledger";

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    if let Some(name) = &config.ledger_env {
        return postgres::check(name).await;
    }
    let path = config.ledger.clone();
    let name = path.display().to_string();
    if !path.exists() {
        return vec![absent(&path, &name)];
    }
    let opened = tokio::task::spawn_blocking(move || SqliteLedger::open(&path));
    let ledger = match within(opened).await {
        Ok(Ok(Ok(ledger))) => ledger,
        Ok(Ok(Err(e))) if e.next == Next::Later => {
            let advice =
                "another program holds it: end that one (a backup, an open sqlite3 shell) and look again";
            return vec![Finding::bad(AREA, name, words(&e), advice)];
        }
        Ok(Ok(Err(e))) => {
            let advice = "`ledger` must name a file that this user may write, made by this Tollway or an older one, on a local disk";
            return vec![Finding::bad(AREA, name, words(&e), advice)];
        }
        Ok(Err(_)) | Err(_) => {
            return vec![Finding::bad(AREA, name, "it does not open", "is its disk alive?")];
        }
    };
    let looked = within(ledger.load(&RecordKey("health/doctor".to_owned()))).await;
    let mut findings = vec![match looked {
        Ok(Ok(_)) => Finding::ok(AREA, &name, "opens, and nobody locks it"),
        Ok(Err(e)) => Finding::bad(AREA, &name, words(&e), "restore it from a backup"),
        Err(late) => Finding::bad(AREA, &name, late, "is its disk alive?"),
    }];
    findings.extend(exposed(AREA, &config.ledger, "it holds signed authorizations"));
    findings
}

/// A ledger is made at its first use, where its folder can be written.
fn absent(path: &Path, name: &str) -> Finding {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match std::fs::metadata(folder) {
        Ok(folder) if folder.is_dir() && !folder.permissions().readonly() => {
            Finding::ok(AREA, name, "is not there yet, and is made at the first use")
        }
        Ok(_) => Finding::bad(AREA, name, "cannot be made there", "name a folder that this user may write"),
        Err(e) => {
            let advice = format!("make the folder {}, or name another in `ledger`", folder.display());
            Finding::bad(AREA, name, format!("its folder cannot be used: {}", e.kind()), advice)
        }
    }
}

/// A file that others on this machine may read, and should not.
pub(super) fn exposed(area: &'static str, path: &Path, why: &str) -> Option<Finding> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).ok()?.permissions().mode();
        let name = path.display().to_string();
        let said = format!("other users of this machine may read it; {why}");
        (mode & 0o077 != 0).then(|| Finding::warn(area, &name, said, format!("chmod 600 {name}")))
    }
    #[cfg(not(unix))]
    {
        let _ = (area, path, why);
        None
    }
}
