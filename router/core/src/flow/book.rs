//! What stays of a settled payment when its journal entry goes: a line in the books, for people.

use super::journal::VisitRecord;
use crate::{Account, Code, Error, Json, Name, Print, Receipt, RecordKey, Result, Time};
use serde::{Deserialize, Serialize};

/// The longest resource that is booked, in bytes: a payer states it.
const RESOURCE_BYTES_MAX: usize = 512;

/// A settled payment, as it stands in the ledger under `book/<role>/<time>/<replay key>`. The time is sixteen hex digits of
/// milliseconds, so that the ledger's order is the order in time.
///
/// Nothing decides by it: it may be deleted at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookRecord {
    /// When it was concluded.
    pub at: Time,
    /// Which request it was for.
    pub print: Print,
    /// The scheme.
    pub scheme: Name,
    /// Who was paid.
    pub pay_to: Account,
    /// The resource that the payer stated, without its query; of another's choosing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What was taken, from whom, where, and what that cost.
    pub receipt: Receipt,
}

impl BookRecord {
    /// The books' room of a role: `gate` or `facilitator`.
    pub fn room(role: &str) -> String {
        format!("book/{role}/")
    }

    /// Where the lines begin that were written at `since` or later: a key to scan after.
    pub fn since(role: &str, since: Time) -> RecordKey {
        RecordKey(format!("{}{:016x}", Self::room(role), since.ms()))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`Code::LedgerFailed`] when it cannot be read.
    pub fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            Error::us(Code::LedgerFailed).detail(format!("book record: {}", crate::raw::words(&e)))
        })
    }

    /// The line of a visit whose record is `visit/<role>/<replay key>`.
    pub(super) fn key(visit: &RecordKey, at: Time) -> RecordKey {
        let whole = visit.0.strip_prefix("visit/").unwrap_or(&visit.0);
        let (role, key) = whole.split_once('/').unwrap_or((whole, ""));
        RecordKey(format!("{}{:016x}/{key}", Self::room(role), at.ms()))
    }

    pub(super) fn of(visit: &VisitRecord, receipt: &Receipt, at: Time) -> Self {
        let requirement = &visit.order.requirement;
        Self {
            at,
            print: visit.print.clone(),
            scheme: requirement.scheme,
            pay_to: requirement.pay_to,
            resource: visit.order.payment.resource.as_ref().and_then(resource),
            receipt: receipt.clone(),
        }
    }
}

/// The URL of a `resource` object, as far as it may be shown: without a user, a query and a fragment, which may hold
/// secrets, and of bounded length.
pub fn resource(stated: &Json) -> Option<String> {
    let value = stated.value();
    let url = value.as_str().or_else(|| value.get("url")?.as_str())?;
    let plain = url.split(['?', '#']).next().unwrap_or("");
    let plain = match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            format!("{scheme}://{}{path}", place.rsplit('@').next().unwrap_or(""))
        }
        None => plain.to_owned(),
    };
    let mut plain = plain.replace(char::is_control, " ");
    plain.truncate(plain.floor_char_boundary(RESOURCE_BYTES_MAX));
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_booked_without_what_may_be_secret() {
        let of = |text: &str| resource(&Json::of(&serde_json::json!({ "url": text })));
        assert_eq!(of("https://me:pw@a.example:1/b/c?key=1#x").unwrap(), "https://a.example:1/b/c");
        assert_eq!(of("https://a.example?key=1").unwrap(), "https://a.example");
        assert_eq!(of("/weather?x=1").unwrap(), "/weather");
        assert_eq!(of("a\u{1b}[2Jb").unwrap(), "a [2Jb");
        assert_eq!((of(""), of("?x")), (None, None));
        assert_eq!(of(&"é".repeat(1000)).unwrap().len(), 512);
        assert_eq!(resource(&Json::of(&"https://v1.example/x?y")).unwrap(), "https://v1.example/x");
        assert_eq!(resource(&Json::of(&serde_json::json!({ "uri": 1 }))), None);
    }

    #[test]
    fn lines_are_in_the_order_of_time() {
        let key = |ms| BookRecord::key(&"visit/gate/eip3009:a/b".into(), Time::from_ms(ms));
        assert_eq!(key(255).0, "book/gate/00000000000000ff/eip3009:a/b");
        assert!(key(9) < key(10) && key(10) < key(0x100));
        let since = BookRecord::since("gate", Time::from_ms(10));
        assert!(key(9) < since && since < key(10), "what was written at that time comes after it");
    }
}
