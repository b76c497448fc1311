//! Which route a request belongs to, if any.

use super::path::{Path, Segments};
use super::pattern::Pattern;
use super::price::Priced;
use super::service::is_head;
use http::Method;
use tollway_core::{Code, Error, Result};

/// The methods that a price is for.
///
/// `HEAD` is covered wherever `GET` is: it is told the price and never charged, unless it is listed by itself. `OPTIONS`
/// is never charged: a browser's preflight cannot pay. Where methods are listed it goes to the service behind; where every
/// method has a price ([`Self::any`]) the paywall answers it, because whatever serves every method would serve it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods(Option<Vec<Method>>);

impl Methods {
    /// Every method, also those that nobody has thought of.
    pub const fn any() -> Self {
        Self(None)
    }

    pub(super) fn covers(&self, method: &Method) -> bool {
        // `get` is not `GET`, but a lenient service behind may take it for that.
        let is = |m: &Method, name: &str| m.as_str().eq_ignore_ascii_case(name);
        let listed = |name| self.0.as_ref().is_none_or(|these| these.iter().any(|m| is(m, name)));
        let free = *method == Method::OPTIONS && self.0.is_some();
        !free && (listed(method.as_str()) || (is(method, "HEAD") && listed("GET")))
    }

    /// False for a `HEAD` that is covered only because `GET` is: it brings nothing that could be charged for.
    pub(super) fn sells(&self, method: &Method) -> bool {
        !is_head(method) || self.0.as_ref().is_some_and(|these| these.iter().any(is_head))
    }

    fn meets(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => a.iter().any(|m| other.covers(m)) || b.iter().any(|m| self.covers(m)),
            _ => true,
        }
    }

    /// As `Access-Control-Allow-Methods` and the route's id spell it.
    pub(super) fn text(&self) -> String {
        match &self.0 {
            Some(these) => these.iter().map(Method::as_str).collect::<Vec<_>>().join(","),
            None => "*".to_owned(),
        }
    }
}

impl From<Method> for Methods {
    fn from(method: Method) -> Self {
        Self(Some(vec![method]))
    }
}
impl<const N: usize> From<[Method; N]> for Methods {
    fn from(methods: [Method; N]) -> Self {
        Self(Some(methods.to_vec()))
    }
}

/// Something that costs money.
pub(super) struct Route {
    /// Its lasting name: methods and pattern.
    pub(super) id: String,
    pub(super) methods: Methods,
    pub(super) pattern: Pattern,
    pub(super) priced: Priced,
}

/// What a request turned out to be.
pub(super) enum Look<'t> {
    /// Not protected.
    Free,
    /// It cannot be said whether it is protected, or by which route.
    Ambiguous,
    /// Protected by this route.
    Route(&'t Route, Path),
}

/// All routes of one paywall.
pub(super) struct Table {
    routes: Vec<Route>,
    case_sensitive: bool,
}

impl Table {
    /// Refuses two routes that stand for the same requests.
    pub(super) fn new(routes: Vec<(Methods, String, Priced)>, case_sensitive: bool) -> Result<Self> {
        let mut table = Self { routes: Vec::with_capacity(routes.len()), case_sensitive };
        for (methods, text, priced) in routes {
            let pattern = Pattern::parse(&text)?;
            let twin = |r: &&Route| r.pattern.is_same(&pattern, case_sensitive) && r.methods.meets(&methods);
            if let Some(twin) = table.routes.iter().find(twin) {
                return Err(Error::caller(Code::BadSettings).detail(format!(
                    "{} {text} has a price twice: {} is the same",
                    methods.text(),
                    twin.id
                )));
            }
            let id = format!("{} {text}", methods.text());
            table.routes.push(Route { id, methods, pattern, priced });
        }
        Ok(table)
    }

    /// The route of a request.
    ///
    /// A path that some server would take for another route's, or for a protected one where the plain reading is not,
    /// is ambiguous; so is an escaped separator, a backslash or a NUL below a protected route's literal beginning.
    pub(super) fn look(&self, method: &Method, raw: &str) -> Look<'_> {
        if !self.routes.iter().any(|r| r.methods.covers(method)) {
            return Look::Free;
        }
        let Some(path) = Path::read(raw) else { return Look::Ambiguous };
        let main = self.best(method, &path.main);
        let disagrees = |other: &Segments| match (self.best(method, other), main) {
            (Some((at, _)), Some((main, _))) => at != main,
            (found, _) => found.is_some(),
        };
        let below = |segments: &Segments| {
            let covering = self.routes.iter().filter(|r| r.methods.covers(method));
            covering.into_iter().any(|r| r.pattern.is_above(segments, self.case_sensitive))
        };
        let unclear = path.ambiguous && (below(&path.main) || path.others.iter().any(below));
        if unclear || path.others.iter().any(disagrees) {
            return Look::Ambiguous;
        }
        match main {
            Some((_, route)) => Look::Route(route, path),
            None => Look::Free,
        }
    }

    fn best(&self, method: &Method, segments: &Segments) -> Option<(usize, &Route)> {
        let fits = |r: &Route| r.methods.covers(method) && r.pattern.matches(segments, self.case_sensitive);
        let found = self.routes.iter().enumerate().filter(|(_, r)| fits(r));
        found.min_by_key(|(_, r)| r.pattern.rank())
    }
}
