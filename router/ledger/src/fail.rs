//! SQLite's errors in the contract's words. None holds a value of a row: only SQLite's own message.

use rusqlite::ErrorCode;
use tollway_core::{Blame, Code, Error, Next};

/// Turns SQLite's word into ours.
pub(crate) fn sqlite(e: rusqlite::Error) -> Error {
    let (next, advice) = match e.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Next::Later, "another process holds the ledger")
        }
        Some(ErrorCode::DiskFull) => (Next::Later, "make room on the disk"),
        Some(ErrorCode::SystemIoFailure) => (Next::Later, "the disk does not read or write"),
        Some(ErrorCode::NotADatabase) => (Next::Never, "that file is not a ledger"),
        Some(ErrorCode::DatabaseCorrupt) => (Next::Never, "the file is damaged; restore a backup"),
        Some(ErrorCode::CannotOpen) => (Next::Never, "does its directory exist?"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (Next::Never, "the file and its directory must be writable")
        }
        _ => (Next::Never, "the ledger's SQLite refused"),
    };
    let blame = match e.sqlite_error_code() {
        Some(
            ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied,
        ) => Blame::Caller,
        _ => Blame::Us,
    };
    let words = match &e {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        // The statement's text follows in this one's own display; ours hold no values, but words are enough.
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    Error::new(Code::LedgerFailed, blame, next).detail(format!("{words} ({advice})"))
}

/// What is stored contradicts itself.
pub(crate) fn broken(what: &str) -> Error {
    Error::us(Code::LedgerFailed).detail(what)
}

/// The file, as it is, will not do.
pub(crate) fn unusable(why: String) -> Error {
    Error::caller(Code::LedgerFailed).detail(why)
}

/// The transaction around several requests was lost; none of them happened.
pub(crate) fn lost() -> Error {
    Error::us(Code::LedgerFailed).next(Next::Later).detail("SQLite rolled the whole transaction back")
}

/// The thread behind the ledger is gone; whether the request happened is not known.
pub(crate) fn gone() -> Error {
    Error::us(Code::LedgerFailed).next(Next::Later).detail("the ledger's thread has ended; open it again")
}
