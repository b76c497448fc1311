//! What this life knows of its leases: a plain state machine. Moments are milliseconds of this process's monotonic clock.
//!
//! A lease that was asked for at a moment ends, by the server's clock, no earlier than its length after that moment, because
//! the server renewed it later than it was asked. So here it ends its length after the *asking*, less the margin.

use super::LeaseSettings;
use std::collections::{BTreeMap, BTreeSet};
use tollway_core::Account;
use tollway_core::ledger::Tenure;

/// One renewal, as it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) sent_ms: u64,
    pub(super) wants: Vec<Account>,
    pub(super) back: Vec<Account>,
}

/// A lease that is ours by the server's word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granted {
    pub(super) key: Account,
    pub(super) fence: u64,
    /// Somebody else wants it too.
    pub(super) contested: bool,
    /// How many keys of this network are this life's share.
    pub(super) quota: usize,
}

/// What the server answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) granted: Vec<Granted>,
    /// How many lives have ended.
    pub(super) endings: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    fence: u64,
    leaving: bool,
}

/// The leases of one life.
#[derive(Debug)]
pub(super) struct Tenancy {
    settings: LeaseSettings,
    wants: BTreeSet<Account>,
    held: BTreeMap<Account, Held>,
    /// Given back here, and not known to be given back there.
    back: BTreeSet<Account>,
    good_until_ms: u64,
    endings: u64,
    over: bool,
}

impl Tenancy {
    pub(super) fn new(settings: LeaseSettings) -> Self {
        let (wants, held, back) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        Self { settings, wants, held, back, good_until_ms: 0, endings: 0, over: false }
    }

    /// True when any of them is new.
    pub(super) fn want(&mut self, keys: &[Account]) -> bool {
        let before = self.wants.len();
        self.wants.extend(keys);
        self.wants.len() > before
    }

    pub(super) fn ask(&self, now_ms: u64) -> Ask {
        let (wants, back) = (self.wants.iter().copied().collect(), self.back.iter().copied().collect());
        Ask { sent_ms: now_ms, wants, back }
    }

    /// Takes in an answer, also one that comes late. True when something is not as it was a moment before.
    pub(super) fn answered(&mut self, ask: &Ask, answer: &Answer, now_ms: u64) -> bool {
        if self.over {
            return false;
        }
        let lasts_ms = self.settings.ttl_ms.saturating_sub(self.settings.margin_ms());
        let had_lapsed = now_ms >= self.good_until_ms;
        self.good_until_ms = self.good_until_ms.max(ask.sent_ms.saturating_add(lasts_ms));
        for key in &ask.back {
            self.back.remove(key);
        }
        let before = (std::mem::take(&mut self.held), self.endings);
        // What was given back since it was asked is not ours, whatever this answer says.
        for granted in answer.granted.iter().filter(|granted| !self.back.contains(&granted.key)) {
            let leaving = before.0.get(&granted.key).is_some_and(|held| held.leaving);
            self.held.insert(granted.key, Held { fence: granted.fence, leaving });
        }
        self.share(answer);
        self.endings = answer.endings;
        before.0 != self.held || before.1 != self.endings || had_lapsed && !self.held.is_empty()
    }

    /// Lets as many go as are too many, of those that somebody waits for; the same ones as before, where there are any.
    fn share(&mut self, answer: &Answer) {
        let mut networks: BTreeMap<_, (usize, Vec<Account>)> = BTreeMap::new();
        for granted in answer.granted.iter().filter(|granted| self.held.contains_key(&granted.key)) {
            let (_, contested) =
                networks.entry(granted.key.chain).or_insert_with(|| (granted.quota, Vec::new()));
            if granted.contested {
                contested.push(granted.key);
            }
        }
        for (network, (quota, mut contested)) in networks {
            let count = self.held.keys().filter(|key| key.chain == network).count();
            contested.sort_by_key(|key| (self.held.get(key).is_none_or(|held| !held.leaving), *key));
            contested.truncate(count.saturating_sub(quota));
            for (key, held) in self.held.iter_mut().filter(|(key, _)| key.chain == network) {
                held.leaving = contested.contains(key);
            }
        }
    }

    /// The life has ended: nothing is ours any more. True the first time.
    pub(super) fn end(&mut self) -> bool {
        self.held.clear();
        !std::mem::replace(&mut self.over, true)
    }

    pub(super) fn tenure(&self, key: &Account, now_ms: u64) -> Tenure {
        match self.held.get(key) {
            Some(held) if now_ms < self.good_until_ms => match held.leaving {
                true => Tenure::Leaving,
                false => Tenure::Held { fence: held.fence },
            },
            _ => Tenure::Away,
        }
    }

    pub(super) fn give_back(&mut self, key: &Account) -> bool {
        let leaving = self.held.get(key).is_some_and(|held| held.leaving);
        if leaving {
            self.held.remove(key);
            self.back.insert(*key);
        }
        leaving
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// How many are held, of how many that are wanted.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.held.len(), self.wants.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::ChainId;

    fn key(n: u8) -> Account {
        Account::new(ChainId::new("eip155:1").unwrap(), &format!("0x{n}")).unwrap()
    }

    fn granted(keys: &[u8], contested: bool, quota: usize) -> Answer {
        let granted = keys.iter().map(|n| Granted { key: key(*n), fence: 1, contested, quota });
        Answer { granted: granted.collect(), endings: 0 }
    }

    fn tenancy() -> Tenancy {
        let mut tenancy = Tenancy::new(LeaseSettings::new("a").ttl_ms(1_000));
        assert!(tenancy.want(&[key(1), key(2), key(3), key(4)]));
        tenancy
    }

    fn standing(tenancy: &Tenancy, now_ms: u64) -> String {
        let letter = |n| match tenancy.tenure(&key(n), now_ms) {
            Tenure::Held { .. } => 'h',
            Tenure::Leaving => 'l',
            _ => '-',
        };
        (1..=4).map(letter).collect()
    }

    #[test]
    fn a_lease_is_good_from_the_asking_on_however_late_the_answer() {
        let mut tenancy = tenancy();
        let (first, second) = (tenancy.ask(100), tenancy.ask(300));
        assert!(tenancy.answered(&second, &granted(&[1, 2], false, 4), 310));
        assert_eq!((standing(&tenancy, 1_049), standing(&tenancy, 1_050)), ("hh--".into(), "----".into()));
        assert!(!tenancy.answered(&first, &granted(&[1, 2], false, 4), 320), "nothing new");
        assert_eq!(standing(&tenancy, 1_049), "hh--", "a late answer shortens nothing and lengthens nothing");
        let again = tenancy.ask(2_000);
        assert!(tenancy.answered(&again, &granted(&[1, 2], false, 4), 2_010), "they had run out");
        assert!(tenancy.end() && !tenancy.end());
        assert_eq!(standing(&tenancy, 2_011), "----");
    }

    #[test]
    fn what_is_too_many_leaves_when_somebody_waits_and_not_otherwise() {
        let mut tenancy = tenancy();
        let ask = tenancy.ask(0);
        tenancy.answered(&ask, &granted(&[1, 2, 3, 4], false, 2), 1);
        assert_eq!(standing(&tenancy, 1), "hhhh", "nobody waits");
        tenancy.answered(&ask, &granted(&[1, 2, 3, 4], true, 2), 1);
        assert_eq!(standing(&tenancy, 1), "llhh");
        assert!(tenancy.give_back(&key(2)) && !tenancy.give_back(&key(3)), "only what leaves");
        tenancy.answered(&ask, &granted(&[1, 2, 3, 4], true, 2), 1);
        assert_eq!(standing(&tenancy, 1), "l-hh", "an answer from before takes nothing back");
        let ask = tenancy.ask(2);
        assert_eq!(ask.back, [key(2)]);
        tenancy.answered(&ask, &granted(&[1, 3, 4], true, 3), 3);
        assert_eq!(standing(&tenancy, 3), "h-hh", "the other has gone: it stays after all");
    }
}
