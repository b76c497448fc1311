//! PostgreSQL's errors in the contract's words. None holds an address, a password, or a value of a row.

use tokio_postgres::error::SqlState;
use tollway_core::{Blame, Code, Error, Next};

pub(super) use crate::fail::broken;

/// Turns PostgreSQL's word into ours.
pub(super) fn postgres(e: tokio_postgres::Error) -> Error {
    let failed = |blame, next, words: String| Error::new(Code::LedgerFailed, blame, next).detail(words);
    let Some(said) = e.as_db_error() else {
        if e.is_closed() || std::error::Error::source(&e).is_some() {
            return failed(Blame::Us, Next::Later, "the connection to PostgreSQL is lost".to_owned());
        }
        return failed(Blame::Us, Next::Later, "PostgreSQL did not answer".to_owned());
    };
    let state = said.code();
    if state.code() == FENCED {
        return fenced();
    }
    // Connections, resources, what an operator did, and what another transaction was in the way of.
    let passing = ["08", "40", "53", "55", "57"].iter().any(|class| state.code().starts_with(class));
    let refused = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ];
    let (blame, next) = match passing {
        true => (Blame::Us, Next::Later),
        false if refused.contains(state) => (Blame::Caller, Next::Never),
        false => (Blame::Us, Next::Never),
    };
    failed(blame, next, format!("PostgreSQL says {}: {}", state.code(), said.message()))
}

/// What the database says to a life that has ended.
const FENCED: &str = "TW001";
const FENCED_WORDS: &str = "another process has taken over from this one, or one of its name was started; nothing was written: start it again";

fn fenced() -> Error {
    Error::us(Code::LedgerFailed).next(Next::Later).detail(FENCED_WORDS)
}

/// True when this process's life has ended.
pub(super) fn is_fenced(error: &Error) -> bool {
    error.code == Code::LedgerFailed && *error.detail == *FENCED_WORDS
}

/// The settings cannot be meant.
pub(super) fn settings(why: &str) -> Error {
    Error::caller(Code::BadSettings).detail(format!("PostgreSQL ledger: {why}"))
}

/// The database, as it is, will not do.
pub(super) fn unusable(why: String) -> Error {
    Error::caller(Code::LedgerFailed).detail(why)
}

/// There is no connection now.
pub(super) fn away(why: &str) -> Error {
    Error::us(Code::LedgerFailed).next(Next::Later).detail(why)
}
