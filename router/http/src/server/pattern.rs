//! Which paths a route stands for.

use super::path::{Segments, decode};
use tollway_core::{Code, Error, Result};

/// A path pattern, in axum's spelling: literal segments, `{name}` for one segment, `{*name}` at the end for all the
/// rest, also for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

/// The order is that of precedence: a literal beats a parameter, a parameter beats the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Literal(Vec<u8>),
    Param(String),
    Rest(String),
}

impl Part {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Param(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| Err(Error::caller(Code::BadSettings).detail(format!("path {text:?}: {why}")));
        let Some(inner) = text.strip_prefix('/') else { return bad("it must start with a slash") };
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let mut parts = Vec::new();
        for segment in inner.split('/').filter(|_| !inner.is_empty()) {
            if matches!(parts.last(), Some(Part::Rest(_))) {
                return bad("nothing may follow {*…}");
            }
            let name = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
            parts.push(match name {
                Some(name) => match name.strip_prefix('*') {
                    Some(rest) => Part::Rest(rest.to_owned()),
                    None => Part::Param(name.to_owned()),
                },
                None if segment.contains(['{', '}', '?', '#', ';', '\\']) => {
                    return bad("a parameter is a whole segment, and no segment holds ? # ; or a backslash");
                }
                None if segment.starts_with([':', '*']) => return bad("write {name} and {*name}"),
                None => match decode(segment.as_bytes()) {
                    literal if matches!(literal.as_slice(), b"" | b"." | b"..") => {
                        return bad("no segment may be empty or a dot");
                    }
                    literal => Part::Literal(literal),
                },
            });
        }
        Ok(Self { parts })
    }

    pub(super) fn matches(&self, path: &Segments, case_sensitive: bool) -> bool {
        let mut segments = path.iter();
        for part in &self.parts {
            match (part, segments.next()) {
                (Part::Rest(_), _) => return true,
                (_, None) => return false,
                (Part::Param(_), Some(_)) => {}
                (Part::Literal(want), Some(have)) if same(want, have, case_sensitive) => {}
                (Part::Literal(_), Some(_)) => return false,
            }
        }
        segments.next().is_none()
    }

    /// True when `path` starts with the segments before the first parameter.
    pub(super) fn is_above(&self, path: &Segments, case_sensitive: bool) -> bool {
        let literals = self.parts.iter().map_while(|p| match p {
            Part::Literal(text) => Some(text),
            _ => None,
        });
        let mut segments = path.iter();
        literals.into_iter().all(|want| segments.next().is_some_and(|have| same(want, have, case_sensitive)))
    }

    /// What the parameters stand for.
    pub(super) fn params(&self, path: &Segments) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found = self.parts.iter().enumerate().filter_map(|(at, part)| match part {
            Part::Literal(_) => None,
            Part::Param(name) => Some((name.clone(), text(path.get(at)?))),
            Part::Rest(name) => Some((name.clone(), text(&path.get(at..)?.join(&b'/')))),
        });
        found.collect()
    }

    /// The lower, the more precise.
    pub(super) fn rank(&self) -> Vec<u8> {
        // An exact end is more precise than the rest that stands for nothing.
        self.parts.iter().map(Part::rank).chain([1]).collect()
    }

    /// True when both stand for the same paths.
    pub(super) fn is_same(&self, other: &Self, case_sensitive: bool) -> bool {
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|pair| match pair {
                (Part::Literal(a), Part::Literal(b)) => same(a, b, case_sensitive),
                (a, b) => a.rank() == b.rank(),
            })
    }
}

fn same(a: &[u8], b: &[u8], case_sensitive: bool) -> bool {
    if case_sensitive { a == b } else { a.eq_ignore_ascii_case(b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::path::Path;

    fn hit(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&Path::read(path).unwrap().main, false)
    }

    #[test]
    fn patterns() {
        assert!(hit("/a/b", "/a/b") && hit("/a/b", "/a/b/") && hit("/a/b/", "/A/b"));
        assert!(!hit("/a/b", "/a") && !hit("/a/b", "/a/b/c") && !hit("/a", "/"));
        assert!(hit("/a/{id}", "/a/7") && !hit("/a/{id}", "/a") && !hit("/a/{id}", "/a/7/8"));
        assert!(hit("/{*all}", "/") && hit("/a/{*all}", "/a") && hit("/a/{*all}", "/a/b/c"));
        assert!(hit("/café", "/caf%c3%a9"));
    }

    #[test]
    fn bad_patterns() {
        for text in ["a", "/a//b", "/{*r}/b", "/:id", "/*", "/a{b}", "/a;b", "/../a"] {
            assert_eq!(Pattern::parse(text).unwrap_err().code, Code::BadSettings, "{text}");
        }
    }
}
