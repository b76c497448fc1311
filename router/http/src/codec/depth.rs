use tollway_core::{Code, Error, Result};

/// Refuses JSON that nests deeper than `max`, before any recursive parser sees it.
///
/// Whether the text is JSON at all is not asked here: brackets outside of strings are counted, nothing else.
pub(super) fn check(text: &[u8], max: usize) -> Result<()> {
    // A text cannot nest deeper than it has opening brackets; this count vectorises and settles nearly every text.
    let opened = opening(text);
    if opened <= max || nesting(text) <= max {
        return Ok(());
    }
    Err(Error::payer(Code::TooLarge).detail(format!("JSON nests deeper than {max} levels")))
}

/// How many opening brackets there are: eight bytes at a time, each with a counter of its own that is emptied before it
/// can overflow.
fn opening(text: &[u8]) -> usize {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    // `[` and `{` differ in this bit alone.
    const CASE: u64 = u64::from_le_bytes([0x20; 8]);
    const OPEN: u64 = u64::from_le_bytes([b'{'; 8]);
    // One in each byte that opens: adding to the low seven bits carries into the eighth unless all of them are zero.
    let opens = |word: u64| {
        let other = (word | CASE) ^ OPEN;
        (!(((other & LOW).wrapping_add(LOW)) | other) & !LOW) >> 7
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0u8; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    let mut count = 0usize;
    for piece in words.chunks(255).chain([&[last][..]]) {
        let counters = piece.iter().fold(0u64, |n, word| n.wrapping_add(opens(u64::from_le_bytes(*word))));
        count =
            counters.to_le_bytes().iter().fold(count, |n, counter| n.saturating_add(usize::from(*counter)));
    }
    count
}

fn nesting(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_count() {
        let quoted = format!(r#"{{"a":"{}","b":"\"[[["}}"#, "[".repeat(500));
        assert!(check(quoted.as_bytes(), 64).is_ok());
    }

    #[test]
    fn siblings_do_not_add_up() {
        let wide = format!("[{}]", vec!["[]"; 1000].join(","));
        assert!(check(wide.as_bytes(), 2).is_ok());
        assert!(check(wide.as_bytes(), 1).is_err());
    }

    #[test]
    fn every_opening_bracket_is_counted_and_nothing_else() {
        let all: Vec<u8> = (0..=255).collect();
        for times in [0, 1, 15, 255, 256, 1_000] {
            assert_eq!(opening(&all.repeat(times)), 2 * times);
            assert_eq!(opening(&b"[{".repeat(times * 16)), 32 * times);
        }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(check(deep(64).as_bytes(), 64).is_ok());
        assert_eq!(check(deep(65).as_bytes(), 64).unwrap_err().code, Code::TooLarge);
    }
}
