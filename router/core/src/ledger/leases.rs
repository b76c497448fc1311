//! Who may send with which key now, where several processes share a ledger and the keys.

use crate::{Account, Result};

/// How a key of a signer stands with this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tenure {
    /// Ours, now and for the margin. The number grows with every change of holders.
    Held {
        /// The fencing number.
        fence: u64,
    },
    /// Ours still, and another is waiting for it: nothing new is begun with it, and once nothing is on its way it is
    /// [given back](Leases::give_back).
    Leaving,
    /// Another's, nobody's, or no longer surely ours.
    Away,
}

/// Leases of signers' keys. A lease belongs to a network and an address on it (an [`Account`]), is held by one incarnation of a
/// process, and ends by the ledger's clock unless it is renewed in time.
///
/// * An incarnation is a life of a process: the process's lasting name, and a number that is never used again.
/// * [`Self::tenure`] is told by this process's own monotonic clock, from the moment before the lease was asked for, less a
///   margin: a process that was stopped for long finds its keys [`Tenure::Away`] when it goes on. (A machine that slept may
///   not have counted that time; then what follows holds.)
/// * What an incarnation writes after it has ended, the ledger refuses. So whoever finds that it
///   [has ended](Self::has_ended) may take up what it left, and nothing more comes of it.
/// * Keys are shared evenly by those that live: one with too many is told to leave some.
/// * Wrong: asking once and then signing many times. Right: asking before every signature, and again before bytes go out.
///
/// Every method but the last two answers at once and does no I/O.
#[crate::async_trait]
pub trait Leases: Send + Sync {
    /// This life of this process, as journals name it: `name#number`.
    fn incarnation(&self) -> &str;
    /// Takes part in sharing these keys from now on.
    fn want(&self, keys: &[Account]);
    /// How a key stands now.
    fn tenure(&self, key: &Account) -> Tenure;
    /// Gives a key back that is [`Tenure::Leaving`] and no longer used. False when it is not leaving any more.
    fn give_back(&self, key: &Account) -> bool;
    /// True when this incarnation has ended: another took over, or [`Self::end`] was called. It never comes back.
    fn is_over(&self) -> bool;
    /// Grows whenever a tenure changes, or an incarnation (this one or another) has ended.
    fn revision(&self) -> u64;
    /// Resolves once the revision is not `seen` any more. Cancel safe.
    async fn changed(&self, seen: u64);
    /// True when another incarnation has ended, for good.
    async fn has_ended(&self, incarnation: &str) -> Result<bool>;
    /// Ends this incarnation: its keys are free, and it writes nothing any more. May be called again.
    async fn end(&self) -> Result<()>;
}

/// A process that shares its keys with nobody: all of them are its own, as long as it lives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

#[crate::async_trait]
impl Leases for Alone {
    fn incarnation(&self) -> &str {
        ""
    }
    fn want(&self, _keys: &[Account]) {}
    fn tenure(&self, _key: &Account) -> Tenure {
        Tenure::Held { fence: 0 }
    }
    fn give_back(&self, _key: &Account) -> bool {
        false
    }
    fn is_over(&self) -> bool {
        false
    }
    fn revision(&self) -> u64 {
        0
    }
    async fn changed(&self, seen: u64) {
        if seen == 0 {
            std::future::pending::<()>().await;
        }
    }
    async fn has_ended(&self, _incarnation: &str) -> Result<bool> {
        Ok(false)
    }
    async fn end(&self) -> Result<()> {
        Ok(())
    }
}
