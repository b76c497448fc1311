//! Telling code, strings and comments apart, without a parser.

/// A Rust file in two copies of the same shape, line for line and character for character.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// Code and strings; comments are blank.
    pub(super) text: String,
    /// Code alone; comments and what stands inside quotes are blank.
    pub(super) code: String,
    /// Comments alone.
    pub(super) comment: String,
}

#[derive(Clone, Copy)]
enum Is {
    Code,
    Quoted,
    Comment,
}

/// Masks a Rust file.
pub(super) fn mask(source: &str) -> Masked {
    let chars: Vec<char> = source.chars().collect();
    let mut masked = Masked::default();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let before = at.checked_sub(1).map(|before| chars[before]);
        let (is, length) = piece(rest, before);
        for &c in &rest[..length] {
            masked.push(c, is);
        }
        at += length;
    }
    masked
}

impl Masked {
    fn push(&mut self, c: char, is: Is) {
        let blank = if c == '\n' { '\n' } else { ' ' };
        let (text, code, comment) = match is {
            Is::Code => (c, c, blank),
            Is::Quoted => (c, blank, blank),
            Is::Comment => (blank, blank, c),
        };
        self.text.push(text);
        self.code.push(code);
        self.comment.push(comment);
    }
}

/// What `rest` starts with and how many characters it takes, at least one.
fn piece(rest: &[char], before: Option<char>) -> (Is, usize) {
    match rest {
        ['/', '/', ..] => (Is::Comment, rest.iter().position(|&c| c == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => (Is::Comment, block(rest)),
        ['"', ..] => (Is::Quoted, string(rest)),
        ['\'', ..] => character(rest).map_or((Is::Code, 1), |length| (Is::Quoted, length)),
        ['r' | 'b' | 'c', ..] if !before.is_some_and(is_word) => {
            raw(rest).map_or((Is::Code, 1), |n| (Is::Quoted, n))
        }
        _ => (Is::Code, 1),
    }
}

/// Part of an identifier or a number.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A block comment, which may hold others.
fn block(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string with escapes.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    rest.len().min(at + 1)
}

/// A character, or `None` for a lifetime.
fn character(rest: &[char]) -> Option<usize> {
    match rest {
        // The escaped character may itself be a quote.
        ['\'', '\\', _, more @ ..] => more.iter().position(|&c| c == '\'').map(|close| close + 4),
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

/// A raw string, with any prefix and any number of hashes; `None` if this is no raw string.
fn raw(rest: &[char]) -> Option<usize> {
    let r = match rest {
        ['r', ..] => 1,
        ['b' | 'c', 'r', ..] => 2,
        _ => return None,
    };
    let hashes = rest[r..].iter().take_while(|&&c| c == '#').count();
    let open = r + hashes;
    if rest.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: &usize| {
        rest[*at] == '"' && rest.get(at + 1..at + 1 + hashes).is_some_and(|end| end.iter().all(|&c| c == '#'))
    };
    Some((open + 1..rest.len()).find(closes).map_or(rest.len(), |close| close + 1 + hashes))
}
