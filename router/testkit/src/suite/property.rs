use futures::future::BoxFuture;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// What a check found: nothing, or what was seen instead.
pub type Verdict = Result<(), String>;

/// What a check looks at: a plugin in its place.
pub trait Subject: Send + Sync + 'static {
    /// Runs one piece of work to its end, on whatever time and runtime the place has.
    fn run(&self, work: BoxFuture<'static, ()>);
    /// What the plugin is wrapped in, in words.
    fn wears(&self) -> &'static str;
}

/// How a property looks.
pub type Check<T> = fn(Arc<T>) -> BoxFuture<'static, Verdict>;

/// Something that a plugin must do.
///
/// `T` is what a check looks at, `F` the facts that decide whether the property applies.
pub struct Property<T, F> {
    /// Its name; the test's name, and part of the kit's API.
    pub name: &'static str,
    /// What it says, in one sentence.
    pub says: &'static str,
    /// Whether it applies.
    pub needs: fn(&F) -> bool,
    /// Over how many seeds it is run.
    pub seeds: fn(&F) -> u64,
    /// Looks.
    pub check: Check<T>,
}

impl<T, F> fmt::Debug for Property<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Property({})", self.name)
    }
}

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub property: &'static str,
    /// What it says.
    pub says: &'static str,
    /// The seed that shows it.
    pub seed: u64,
    /// What the plugin was wrapped in.
    pub guise: &'static str,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { property, says, seed, guise, seen } = self;
        write!(
            f,
            "{property} does not hold\n  it says: {says}\n  seen: {seen}\n  seed {seed}, {guise}; TOLLWAY_SEED={seed} runs it alone"
        )
    }
}

/// How a property fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It holds.
    Holds,
    /// It does not apply here.
    DoesNotApply,
    /// It does not hold.
    Broken(Broken),
}

impl<T: Subject, F> Property<T, F> {
    /// Runs the check over its seeds; `build` makes what is looked at.
    ///
    /// A panic on the way, of the plugin or of the stand, breaks the property too.
    pub fn judge(&self, facts: &F, build: impl Fn(u64) -> Result<T, String>) -> Checked {
        if !(self.needs)(facts) {
            return Checked::DoesNotApply;
        }
        let seeds = match asked_seed() {
            Some(seed) => seed..seed.saturating_add(1),
            None => 0..(self.seeds)(facts),
        };
        for seed in seeds {
            let mut guise = "not built";
            let looked = catch_unwind(AssertUnwindSafe(|| {
                let subject = Arc::new(build(seed)?);
                guise = subject.wears();
                look(&subject, (self.check)(Arc::clone(&subject)))
            }));
            let seen = match looked {
                Ok(Ok(())) => continue,
                Ok(Err(seen)) => seen,
                Err(panic) => format!("a panic: {}", panic_words(&*panic)),
            };
            return Checked::Broken(Broken { property: self.name, says: self.says, seed, guise, seen });
        }
        Checked::Holds
    }
}

fn look<T: Subject>(subject: &Arc<T>, check: BoxFuture<'static, Verdict>) -> Verdict {
    let said = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&said);
    subject.run(Box::pin(async move {
        let verdict = check.await;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }));
    let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
    said.unwrap_or_else(|| Err("the place gave up before the check had ended".to_owned()))
}

/// The one seed that the environment asks for.
fn asked_seed() -> Option<u64> {
    std::env::var("TOLLWAY_SEED").ok()?.parse().ok()
}

/// What a panic said.
pub fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

/// Panics, in the words of the finding, unless the property holds or does not apply.
pub(crate) fn insist(checked: &Checked) {
    if let Checked::Broken(broken) = checked {
        panic!("{broken}");
    }
}

/// Leaves the check with what was seen, unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}
pub(crate) use ensure;

/// Turns an error of the contract into what was seen.
pub(crate) trait OrSeen<T> {
    /// The value, or what was being done together with the error.
    fn or_seen(self, doing: &str) -> Result<T, String>;
}

impl<T> OrSeen<T> for tollway_core::Result<T> {
    fn or_seen(self, doing: &str) -> Result<T, String> {
        self.map_err(|e| format!("{doing}: {e}"))
    }
}

/// One `#[test]` per property; the names are checked against the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($suite:ident, $stand:expr, $($name:ident)*) => {
        $(#[test]
        fn $name() {
            $crate::suite::$suite::prove($stand, stringify!($name));
        })*

        #[test]
        fn every_property_is_run() {
            let named: &[&str] = &[$(stringify!($name)),*];
            assert_eq!(named, $crate::suite::$suite::names());
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers its seed; the place gives up on seed 9.
    struct Seed(u64);

    impl Subject for Seed {
        fn run(&self, work: BoxFuture<'static, ()>) {
            if self.0 != 9 {
                super::super::turns::block_on(work);
            }
        }
        fn wears(&self) -> &'static str {
            "nothing"
        }
    }

    fn property(check: Check<Seed>) -> Property<Seed, u64> {
        Property { name: "p", says: "s", needs: |seeds| *seeds > 0, seeds: |seeds| *seeds, check }
    }

    fn seen(property: &Property<Seed, u64>, seeds: u64) -> Option<(u64, String)> {
        match property
            .judge(&seeds, |seed| if seed == 8 { Err("unbuilt".to_owned()) } else { Ok(Seed(seed)) })
        {
            Checked::Broken(broken) => Some((broken.seed, broken.seen)),
            _ => None,
        }
    }

    #[test]
    fn the_first_bad_seed_is_named_whatever_went_wrong() {
        let fine = property(|_| Box::pin(async { Ok(()) }));
        assert_eq!(fine.judge(&5, |seed| Ok(Seed(seed))), Checked::Holds);
        assert_eq!(fine.judge(&0, |seed| Ok(Seed(seed))), Checked::DoesNotApply);
        assert_eq!(seen(&fine, 9), Some((8, "unbuilt".to_owned())));
        let gives_up = fine.judge(&10, |seed| Ok(Seed(seed)));
        assert!(
            matches!(gives_up, Checked::Broken(broken) if broken.seed == 9),
            "a check that did not end holds nothing"
        );
        let third =
            property(|s| Box::pin(async move { if s.0 == 3 { Err("three".to_owned()) } else { Ok(()) } }));
        assert_eq!(seen(&third, 5), Some((3, "three".to_owned())));
        let panics = property(|s| {
            Box::pin(async move {
                assert!(s.0 != 2, "number {}", s.0);
                Ok(())
            })
        });
        assert_eq!(seen(&panics, 5), Some((2, "a panic: number 2".to_owned())));
    }
}
