//! Reading the chain: accounts, trials, transactions and their history. One round trip each.

mod account;
mod find;
mod inner;
mod look;
mod record;
mod status;
mod trial;

pub(crate) use account::InSlot;
pub(crate) use find::find;
pub(crate) use look::Looker;
pub(crate) use record::recorded;
pub(crate) use status::{RawStatus, STATUSES_MAX, statuses};
