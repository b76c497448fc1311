use proptest::prelude::*;
use tollway_core::Code;

/// A JSON text with one thing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Almost {
    /// The text.
    pub text: String,
    /// What is wrong with it, in words.
    pub fault: &'static str,
    /// How a reader must answer.
    pub says: Says,
}

/// How a reader must answer to something that is almost right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// It refuses the whole, with this code.
    Whole(Code),
    /// It reads the rest, and keeps this entry as broken, with this code.
    Entry(usize, Code),
}

/// A JSON object as its fields stand: keys, and values as texts. It can say the same key twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(pub(super) Vec<(String, String)>);

impl Object {
    pub(super) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }
    pub(super) fn maybe(self, key: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
    /// With another value; the key stays where it was, or comes last.
    pub(super) fn set(mut self, key: &str, value: impl Into<String>) -> Self {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value.into(),
            None => return self.with(key, value),
        }
        self
    }
    pub(super) fn without(mut self, key: &str) -> Self {
        self.0.retain(|(k, _)| k != key);
        self
    }
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("null", |(_, v)| v)
    }
    pub(super) fn text(&self) -> String {
        self.spaced("")
    }
    fn spaced(&self, space: &str) -> String {
        let fields = self.0.iter().map(|(k, v)| format!("{space}{}:{space}{v}", quoted(k)));
        format!("{{{}{space}}}", fields.collect::<Vec<_>>().join(","))
    }
}

/// A string as JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same object in any order of keys, with or without a key that nobody knows.
pub(super) fn any_order(object: impl Strategy<Value = Object>) -> impl Strategy<Value = Object> {
    let unknown = prop::option::weighted(0.3, super::json::small());
    let fields = (object, unknown).prop_map(|(object, more)| object.maybe("zzUnknown", more).0);
    fields.prop_shuffle().prop_map(Object)
}

/// As text, with or without white space.
pub(super) fn written(object: impl Strategy<Value = Object>) -> impl Strategy<Value = String> {
    let space = prop::sample::select(vec!["", "", " ", "\n\t "]);
    (object, space).prop_map(|(object, space)| object.spaced(space))
}

/// One way to break an object.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) code: MakeCode,
    pub(super) change: fn(Object) -> Object,
}

/// Makes a code; `Code` itself cannot stand in a constant table, since it owns text.
pub(super) type MakeCode = fn() -> Code;

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Objects broken in one of these ways.
pub(super) fn broken(
    valid: impl Strategy<Value = Object>,
    faults: &'static [Fault],
) -> impl Strategy<Value = Almost> {
    (valid, prop::sample::select(faults)).prop_map(|(object, fault)| Almost {
        text: (fault.change)(object).text(),
        fault: fault.name,
        says: Says::Whole((fault.code)()),
    })
}

/// Shortens a table of faults: `faults!["what is wrong" => Code: |object| object.without("x")]`.
macro_rules! faults {
    ($($name:literal => $code:ident : $change:expr),* $(,)?) => {
        &[$($crate::strategies::object::Fault {
            name: $name,
            code: || tollway_core::Code::$code,
            change: $change,
        }),*]
    };
}
pub(super) use faults;

/// The right keys with hostile values, some of them twice, some left out.
pub(super) fn hostile_object(keys: &'static [&'static str], size: usize) -> BoxedStrategy<String> {
    let field = (prop::sample::select(keys), super::json::hostile(size)).prop_map(|(k, v)| (k.to_owned(), v));
    prop::collection::vec(field, 0..keys.len().saturating_add(3)).prop_map(|f| Object(f).text()).boxed()
}
