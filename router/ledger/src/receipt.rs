//! Receipts as text.

use crate::fail;
use tollway_core::{Receipt, Result};

pub(crate) fn write(receipt: &Receipt) -> Result<String> {
    serde_json::to_string(receipt).map_err(|e| fail::broken(&format!("a receipt cannot be written: {e}")))
}

pub(crate) fn read(text: &str) -> Result<Receipt> {
    serde_json::from_str(text).map_err(|e| fail::broken(&format!("a stored receipt cannot be read: {e}")))
}
