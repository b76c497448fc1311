use tollway_core::{Code, Error, Result};

/// Refuses JSON that nests deeper than `max`, before any recursive parser sees it.
///
/// Whether the text is JSON at all is not asked here: brackets outside of strings are counted, nothing else.
pub(super) fn check(text: &[u8], max: usize) -> Result<()> {
    // A text cannot nest deeper than it has opening brackets; this count vectorises and settles nearly every text.
    // In pieces that a byte can count, because bytes are counted many at a time.
    let opened: usize = text.chunks(255).map(|piece| usize::from(opening(piece))).sum();
    if opened <= max || nesting(text) <= max {
        return Ok(());
    }
    Err(Error::payer(Code::TooLarge).detail(format!("JSON nests deeper than {max} levels")))
}

/// Opening brackets in at most 255 bytes.
fn opening(piece: &[u8]) -> u8 {
    piece.iter().fold(0u8, |n, b| n.saturating_add(u8::from(matches!(b, b'{' | b'['))))
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
    fn the_limit_itself_is_allowed() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(check(deep(64).as_bytes(), 64).is_ok());
        assert_eq!(check(deep(65).as_bytes(), 64).unwrap_err().code, Code::TooLarge);
    }
}
