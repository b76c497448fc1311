//! How servers are known to read a path, each written out plainly.

/// The segments of a path, decoded as far as that server decodes.
pub(crate) type Segments = Vec<Vec<u8>>;

/// RFC 3986: cut at slashes, each segment decoded once, dots resolved, empty segments dropped.
pub(crate) fn plain(path: &str) -> Segments {
    resolved(&segments(path.as_bytes()).iter().map(|s| decoded(s)).collect::<Vec<_>>(), true, true)
}

/// What any of them might take a path for.
pub(crate) fn all(path: &str) -> Vec<Segments> {
    let mut found = Vec::new();
    let mut take = |segments: &[Vec<u8>]| {
        for cut in [false, true] {
            let cut: Vec<_> = segments.iter().map(|s| if cut { until(s, b';') } else { s.clone() }).collect();
            for (dots, empty) in [(false, false), (false, true), (true, false), (true, true)] {
                found.push(resolved(&cut, dots, empty));
            }
        }
    };
    take(&segments(path.as_bytes()).iter().map(|s| decoded(s)).collect::<Vec<_>>());
    let mut text = path.as_bytes().to_vec();
    for _ in 0..8 {
        let slashes: Vec<u8> = text.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
        for text in [&text, &slashes] {
            take(&segments(text));
            take(&segments(&until(text, 0)));
        }
        text = decoded(&text);
    }
    found.sort();
    found.dedup();
    found
}

fn segments(path: &[u8]) -> Segments {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.split(|b| *b == b'/').map(<[u8]>::to_vec).collect()
}

fn until(text: &[u8], end: u8) -> Vec<u8> {
    text.split(|b| *b == end).next().unwrap_or_default().to_vec()
}

fn resolved(segments: &[Vec<u8>], dots: bool, no_empty: bool) -> Segments {
    let mut kept: Segments = Vec::new();
    for segment in segments {
        if dots && segment == b".." {
            kept.pop();
        } else if !(dots && segment == b"." || no_empty && segment.is_empty()) {
            kept.push(segment.clone());
        }
    }
    let used = kept.iter().rposition(|s| !s.is_empty()).map_or(0, |at| at + 1);
    kept.truncate(used);
    kept
}

/// Each `%XX` undone once.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut parts = text.split(|b| *b == b'%');
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                out.extend(&part[2..]);
            }
            None => {
                out.push(b'%');
                out.extend(part);
            }
        }
    }
    out
}

/// A route, as axum spells it: literals, `{name}`, `{*rest}`.
pub(crate) struct Route(Vec<String>);

impl Route {
    pub(crate) fn new(pattern: &str) -> Self {
        let parts = pattern.trim_matches('/').split('/').filter(|p| !p.is_empty());
        Self(parts.map(str::to_owned).collect())
    }

    /// How well it fits: `None` when it does not, else the less the better.
    pub(crate) fn fit(&self, path: &[Vec<u8>]) -> Option<Vec<u8>> {
        let mut precision = Vec::new();
        let mut path = path.iter();
        for part in &self.0 {
            if part.starts_with("{*") {
                precision.push(2);
                return Some(precision);
            }
            let segment = path.next()?;
            let literal = !part.starts_with('{');
            if literal && !decoded(part.as_bytes()).eq_ignore_ascii_case(segment) {
                return None;
            }
            precision.push(u8::from(!literal));
        }
        precision.push(1);
        path.next().is_none().then_some(precision)
    }
}

/// Which of these a server with such a reading would call.
pub(crate) fn best(routes: &[Route], path: &[Vec<u8>]) -> Option<usize> {
    let fits = routes.iter().enumerate().filter_map(|(at, route)| Some((route.fit(path)?, at)));
    fits.min().map(|(_, at)| at)
}
