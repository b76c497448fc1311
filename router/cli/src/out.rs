//! What goes to standard output. A reader that has left (`tollway plugins | head`) is no failure.

use crate::exit::{Failure, Outcome};
use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// Prints `text` as it is.
pub(crate) fn write(text: impl Display) -> Outcome {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!("cannot print: {e}"))),
        _ => Ok(()),
    }
}

/// Prints `text` and ends the line.
pub(crate) fn line(text: impl Display) -> Outcome {
    write(format_args!("{text}\n"))
}

/// Prints one JSON value.
pub(crate) fn json(value: &impl serde::Serialize) -> Outcome {
    line(serde_json::to_string_pretty(value).map_err(Failure::failed)?)
}
