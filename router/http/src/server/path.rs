//! What a path may mean. The paywall must not take a path for something else than the service behind it does, and it
//! does not know that service: so it looks at every reading that some server is known to have.

/// The decoded segments of a path; a trailing slash leaves no segment.
pub(super) type Segments = Vec<Vec<u8>>;

/// How often a path may be encoded on top of itself before nobody needs to know what it means.
const LEVELS_MAX: usize = 4;
/// The longest path that is looked at closely. Ordinary paths are not limited.
const ODD_BYTES_MAX: usize = 4096;

/// A path with everything that it may be taken for.
#[derive(Debug)]
pub(super) struct Path {
    /// RFC 3986's normal form: escapes of unreserved characters undone, other escapes in upper case, dots resolved,
    /// empty segments dropped. A trailing slash stays.
    pub(super) canonical: String,
    /// What the canonical form says.
    pub(super) main: Segments,
    /// What some server might take it for, other than `main`.
    pub(super) others: Vec<Segments>,
    /// True when it holds an escaped separator, a backslash or a NUL.
    pub(super) ambiguous: bool,
}

impl Path {
    /// Reads a path as it stands in a request; `None` for one that is encoded over and over, or long and odd.
    pub(super) fn read(raw: &str) -> Option<Self> {
        let canonical = canonical(raw);
        let main: Segments = split(canonical.as_bytes()).map(decode).filter(|s| !s.is_empty()).collect();
        if canonical == raw && is_plain(raw) {
            return Some(Self { canonical, main, others: Vec::new(), ambiguous: false });
        }
        if raw.len() > ODD_BYTES_MAX {
            return None;
        }
        let levels = levels(raw)?;
        let ambiguous = levels.iter().any(|text| is_ambiguous(text));
        let mut others: Vec<Segments> = Vec::new();
        let mut push = |segments: Segments| {
            if segments != main && !others.contains(&segments) {
                others.push(segments);
            }
        };
        variants(split(raw.as_bytes()).map(decode).collect(), &mut push);
        for text in &levels {
            let folded: Vec<u8> = text.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
            let cut: Vec<u8> = folded.iter().copied().take_while(|b| *b != 0).collect();
            for text in [text, &folded, &cut] {
                variants(split(text).map(<[u8]>::to_vec).collect(), &mut push);
            }
        }
        Some(Self { canonical, main, others, ambiguous })
    }
}

/// Nothing in it could be read in two ways.
fn is_plain(raw: &str) -> bool {
    let odd = |b: u8| !b.is_ascii() || matches!(b, b'%' | b';' | b'\\') || b < b'!';
    !raw.bytes().any(odd)
}

/// The text as it stands, decoded once, decoded twice, … until it no longer changes.
fn levels(raw: &str) -> Option<Vec<Vec<u8>>> {
    let mut levels = vec![raw.as_bytes().to_vec()];
    for _ in 0..=LEVELS_MAX {
        let last = levels.last()?;
        let next = decode(last);
        if next == *last {
            return Some(levels);
        }
        levels.push(next);
    }
    None
}

fn is_ambiguous(text: &[u8]) -> bool {
    // 0xC0 and 0xC1 are in no UTF-8, but sloppy decoders take `C0 AF` for a slash.
    let bytes = text.iter().any(|b| matches!(b, 0 | b'\\' | 0xC0 | 0xC1));
    bytes || text.windows(3).any(|w| matches!(escape(w), Some(b'/' | b'\\' | 0 | 0xC0 | 0xC1)))
}

/// One list of segments with dots kept and resolved, empty segments kept and dropped, parameters kept and cut.
fn variants(segments: Segments, push: &mut impl FnMut(Segments)) {
    let params = segments.iter().any(|s| s.contains(&b';'));
    for cut in [false, true].into_iter().take(if params { 2 } else { 1 }) {
        let segments: Segments =
            segments.iter().map(|s| if cut { without_params(s) } else { s.clone() }).collect();
        for collapse in [false, true] {
            for resolve in [false, true] {
                push(walk(&segments, collapse, resolve));
            }
        }
    }
}

fn without_params(segment: &[u8]) -> Vec<u8> {
    segment.iter().copied().take_while(|b| *b != b';').collect()
}

fn walk(segments: &[Vec<u8>], collapse: bool, resolve: bool) -> Segments {
    let mut out = Segments::new();
    for segment in segments {
        match segment.as_slice() {
            b"" if collapse => {}
            b"." if resolve => {}
            b".." if resolve => drop(out.pop()),
            other => out.push(other.to_vec()),
        }
    }
    while out.last().is_some_and(Vec::is_empty) {
        out.pop();
    }
    out
}

/// The segments of an absolute path, without the empty one before the first slash.
fn split(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/").unwrap_or(path).split(|b| *b == b'/')
}

fn canonical(raw: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut trailing = true;
    for segment in raw.strip_prefix('/').unwrap_or(raw).split('/') {
        let segment = tidy(segment);
        trailing = matches!(segment.as_str(), "" | "." | "..");
        match segment.as_str() {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let slash = if trailing && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}", kept.join("/"))
}

/// Escapes of unreserved characters undone, all others in upper case.
fn tidy(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(c) = rest.chars().next() {
        let found = rest.get(..3).and_then(|three| Some((three, escape(three.as_bytes())?)));
        let taken = match found {
            Some((_, b)) if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') => {
                out.push(char::from(b));
                3
            }
            Some((three, _)) => {
                out.push_str(&three.to_ascii_uppercase());
                3
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or("");
    }
    out
}

/// Undoes each escape once. What only looks like one stays as it is.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match rest.get(..3).and_then(escape) {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(3..).unwrap_or(&[]);
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// The byte that `%XX` stands for.
fn escape(three: &[u8]) -> Option<u8> {
    let [b'%', high, low] = three else { return None };
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(*high)?.wrapping_shl(4) | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (raw, want) in [
            ("", "/"),
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/../../a", "/a"),
            ("/%70remium", "/premium"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/100%", "/100%"),
            ("/a/..", "/"),
        ] {
            assert_eq!(Path::read(raw).unwrap().canonical, want, "{raw}");
        }
    }

    #[test]
    fn an_onion_is_not_peeled_for_ever() {
        let onion = |n: usize| format!("/%{}41", "25".repeat(n));
        assert!(Path::read(&onion(3)).is_some());
        assert!(Path::read(&onion(5)).is_none());
        assert!(Path::read(&format!("/{}", "%20".repeat(2000))).is_none());
        assert!(Path::read(&format!("/{}", "a".repeat(20_000))).is_some());
    }

    #[test]
    fn ordinary_paths_have_one_reading() {
        assert!(Path::read("/a/b/").unwrap().others.is_empty());
        assert!(!Path::read("/a/my%20file.pdf").unwrap().ambiguous);
        for raw in ["/a%2Fb", "/a%5cb", "/a%00", "/a\\b", "/a%252fb", "/a%c0%af"] {
            assert!(Path::read(raw).unwrap().ambiguous, "{raw}");
        }
    }
}
