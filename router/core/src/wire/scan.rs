//! Plain JSON, read where it stands.
//!
//! Nearly all that peers send has no escape in it and no white space but blanks. In such a text a string ends at the next
//! quote, so it is read in a fraction of the time that a parser takes which is prepared for everything. Here `None` always
//! means "not that plain", and never that the text is wrong: whoever gets it asks serde, which says what it is.

use memchr::memchr;

/// How deep values may nest that are skipped; deeper ones are left to serde and its own limit.
pub(super) const DEPTH_MAX: usize = 32;

/// A plain JSON text and a place in it.
pub(super) struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    /// `None` when there is an escape or a control character in it (line ends around it apart).
    pub(super) fn begin(text: &'t str) -> Option<Self> {
        let white = [' ', '\t', '\n', '\r'];
        let at = text.len().checked_sub(text.trim_start_matches(white).len())?;
        let text = text.trim_end_matches(white);
        let inside = text.as_bytes().get(at..)?;
        // Without a way out on the first that is not plain, many are looked at at once.
        let plain = inside.iter().fold(true, |plain, byte| plain & (*byte >= b' ') & (*byte != b'\\'));
        plain.then_some(Self { text, at })
    }

    /// Nothing may follow any more.
    pub(super) fn end(self) -> Option<()> {
        (self.at == self.text.len()).then_some(())
    }

    /// Where in the text this is, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are still to come.
    pub(super) fn rest(&self) -> usize {
        self.text.len().saturating_sub(self.at)
    }

    /// A string; what is between its quotes.
    pub(super) fn string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = near_quote(rest).or_else(|| memchr(b'"', rest))?;
        self.until_quote(length)
    }

    /// A string that is longer than a word.
    pub(super) fn long_string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let length = memchr(b'"', self.text.as_bytes().get(self.at..)?)?;
        self.until_quote(length)
    }

    fn until_quote(&mut self, length: usize) -> Option<&'t str> {
        let end = self.at.checked_add(length)?;
        let string = self.text.get(self.at..end)?;
        self.at = end.checked_add(1)?;
        Some(string)
    }

    /// A key. Those of an entry are told by eight bytes, the closing quote among them.
    fn key(&mut self) -> Option<&'t str> {
        let eight = self.text.as_bytes().get(self.at..)?.first_chunk::<9>().map(|[_, eight @ ..]| eight);
        let known = match eight {
            _ if self.peek() != Some(b'"') => return None,
            Some(b"scheme\":") => "scheme",
            Some(b"network\"") => "network",
            Some(b"amount\":") => "amount",
            Some(b"asset\":\"") => "asset",
            Some(b"payTo\":\"") => "payTo",
            Some(b"extra\":{") => "extra",
            Some(b"version\"") => "version",
            _ => return self.string(),
        };
        self.at = self.at.checked_add(known.len())?.checked_add(2)?;
        Some(known)
    }

    /// A string or `null`.
    pub(super) fn string_or_null(&mut self) -> Option<Option<&'t str>> {
        if self.peek()? == b'n' { self.word("null").map(|()| None) } else { self.string().map(Some) }
    }

    /// A whole number. In a fraction it ends at what nothing may go on with.
    pub(super) fn number(&mut self) -> Option<u64> {
        self.digits()?.parse().ok()
    }

    /// An object: `member` gets each key and reads its value.
    pub(super) fn object(&mut self, mut member: impl FnMut(&mut Self, &'t str) -> Option<()>) -> Option<()> {
        self.many(b'{', b'}', |scan| {
            let key = scan.key()?;
            scan.blanks();
            scan.take(b':')?;
            scan.blanks();
            member(scan, key)
        })
    }

    /// A list: `item` reads each.
    pub(super) fn list(&mut self, item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.many(b'[', b']', item)
    }

    /// Any value, as it stands.
    pub(super) fn value(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.skip(DEPTH_MAX)?;
        self.text.get(start..self.at)
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(|scan, _| scan.skip(depth)),
            b'[' => self.list(|scan| scan.skip(depth)),
            b'0'..=b'9' => self.number().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => None,
        }
    }

    fn many(&mut self, open: u8, close: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open)?;
        self.blanks();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            one(self)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(close);
            }
            self.blanks();
        }
    }

    fn digits(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..)?;
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..length).filter(|digits| *digits == "0" || !digits.starts_with('0'))?;
        self.at = self.at.checked_add(length)?;
        Some(digits)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then_some(())?;
        self.at = self.at.checked_add(word.len())?;
        Some(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at = self.at.checked_add(1)?;
        Some(())
    }

    fn blanks(&mut self) {
        while self.take(b' ').is_some() {}
    }
}

/// How far the next quote is, if it is near: most strings are a word, and are over before a search is under way.
fn near_quote(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    // The lowest top bit that is left stands in the first byte that is a quote.
    let first = |word: &[u8; 8]| {
        let other = u64::from_le_bytes(*word) ^ QUOTES;
        let found = other.wrapping_sub(ONES) & !other & TOPS;
        (found != 0).then_some(found.trailing_zeros() >> 3)
    };
    let (words, _) = text.get(..16)?.as_chunks();
    let near = words.first().and_then(first);
    let near = near.or_else(|| words.get(1).and_then(first)?.checked_add(8));
    usize::try_from(near?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Option<&str> {
        let mut scan = Scan::begin(text)?;
        let value = scan.value()?;
        scan.end()?;
        Some(value)
    }

    #[test]
    fn plain_json_is_read_and_the_rest_is_left_to_serde() {
        for plain in [
            "{}",
            "[]",
            "0",
            "12",
            "true",
            "false",
            "null",
            r#""é[{""#,
            r#"{"a":[1, {"b":"}"} ,null],"":{ }}"#,
            "[ [], [ ] ]",
            "18446744073709551615",
        ] {
            assert_eq!(whole(plain), Some(plain));
            assert_eq!(whole(&format!("\n {plain}\r\n")), Some(plain));
        }
        for other in [
            "",
            " ",
            "{",
            "[1",
            "[1,]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            "01",
            "-1",
            "1.0",
            "1e3",
            "nul",
            "truee",
            "1 2",
            r#""a"#,
            r#""\n""#,
            "[\n]",
            "\u{c}{}",
            "18446744073709551616",
            "]",
            "{]",
            "\u{a0}1",
        ] {
            assert_eq!(whole(other), None, "{other:?}");
        }
        assert_eq!(whole(&"[".repeat(100_000)), None);
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!([32, 33].map(|n| whole(&deep(n)).is_some()), [true, false]);
    }

    #[test]
    fn a_quote_is_near_within_sixteen_bytes() {
        for at in 0..40 {
            for filler in ["#", "!", "\u{a2}", "é"] {
                let text = filler.repeat(40).as_bytes()[..at].to_vec();
                let text = [text.as_slice(), b"\"\"!!!!!!!!!!!!!!!!"].concat();
                assert_eq!(near_quote(&text), (at < 16).then_some(at), "{filler} {at}");
            }
        }
        assert_eq!(near_quote(b"\""), None, "too short to look at so");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_is_read_is_json(text in r#"([\[\]{},: "0-9a-bnutlrefsé\\\n-]|null|true|"a":){0,24}"#) {
            if whole(&text).is_some() {
                let read = serde_json::from_str::<&serde_json::value::RawValue>(&text);
                prop_assert_eq!(read.ok().map(|raw| raw.get()), whole(&text));
            }
        }
    }
}
