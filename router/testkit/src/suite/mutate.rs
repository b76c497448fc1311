//! Every small change of a JSON document: leaf by leaf a bit, a digit, a type, a missing key, a key that comes twice.

use serde_json::{Map, Value};

/// What a change means to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It says something else now, or nothing: a payment changed so must be refused.
    Meaning,
    /// The same in other words (a number for its decimal string, another case of hex): refused, or read as before.
    Spelling,
}

/// One changed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// Where: a JSON pointer, `""` for the whole.
    pub pointer: String,
    /// What was done there.
    pub what: String,
    /// What that means.
    pub change: Change,
    /// The document as it stands now.
    pub text: String,
}

/// At most so many places within one text are changed.
const PLACES_MAX: usize = 160;

/// Every change of `document` that this module knows, in a fixed order.
pub fn mutations(document: &Value) -> Vec<Mutation> {
    let mut all = Vec::new();
    let mut path = Vec::new();
    visit(document, document, &mut path, &mut all);
    all
}

/// Every leaf that is a string or a number, with its pointer.
pub fn leaves(document: &Value) -> Vec<(String, Value)> {
    fn walk(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(k, v)| walk(v, &format!("{path}/{}", escape(k)), found))
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(n, v)| walk(v, &format!("{path}/{n}"), found));
            }
            leaf => found.push((path.to_owned(), leaf.clone())),
        }
    }
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

/// One step from a container to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Place(usize),
}

/// What is done to one part.
enum Edit {
    Put(String),
    Drop,
    Twice(String, String),
}

fn visit(root: &Value, here: &Value, path: &mut Vec<Step>, all: &mut Vec<Mutation>) {
    let mut add = |what: String, change: Change, edit: &Edit| {
        let text = write(root, &mut Vec::new(), path, edit);
        all.push(Mutation { pointer: pointer(path), what, change, text });
    };
    let changed = variants(here);
    for (what, change, text) in &changed {
        add(what.clone(), *change, &Edit::Put(text.clone()));
    }
    if let Some(Step::Key(_)) = path.last() {
        let other = changed.iter().find(|(_, c, _)| *c == Change::Meaning).map_or("null", |(_, _, t)| t);
        let own = here.to_string();
        add("dropped".to_owned(), Change::Meaning, &Edit::Drop);
        add("twice, changed first".to_owned(), Change::Meaning, &Edit::Twice(other.to_owned(), own.clone()));
        add("twice, changed last".to_owned(), Change::Meaning, &Edit::Twice(own, other.to_owned()));
    } else if let Some(Step::Place(_)) = path.last() {
        add("dropped".to_owned(), Change::Meaning, &Edit::Drop);
        add("twice".to_owned(), Change::Meaning, &Edit::Twice(here.to_string(), here.to_string()));
    }
    match here {
        Value::Object(map) => {
            for (key, value) in map {
                path.push(Step::Key(key.clone()));
                visit(root, value, path, all);
                path.pop();
            }
        }
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                path.push(Step::Place(place));
                visit(root, value, path, all);
                path.pop();
            }
        }
        _ => {}
    }
}

/// What else could stand where `value` stands, as JSON text.
fn variants(value: &Value) -> Vec<(String, Change, String)> {
    let mut found = Vec::new();
    let mut put = |what: &str, change, value: Value| found.push((what.to_owned(), change, value.to_string()));
    match value {
        Value::String(text) => of_text(text, &mut put),
        Value::Number(number) => {
            if let Some(n) = number.as_i64() {
                put("one more", Change::Meaning, n.saturating_add(1).into());
                put("one less", Change::Meaning, n.saturating_sub(1).into());
            }
            put("as a string", Change::Spelling, number.to_string().into());
        }
        Value::Bool(b) => put("flipped", Change::Meaning, (!b).into()),
        _ => {}
    }
    for (what, other) in [
        ("null", Value::Null),
        ("true", true.into()),
        ("a number", 7.into()),
        ("a fraction", serde_json::json!(1.5)),
        ("an empty text", "".into()),
        ("an endless text", "x".repeat(10_000).into()),
        ("an empty list", Value::Array(Vec::new())),
        ("an empty object", Value::Object(Map::new())),
        ("within a list", Value::Array(vec![value.clone()])),
    ] {
        if other != *value {
            put(what, Change::Meaning, other);
        }
    }
    found
}

fn of_text(text: &str, put: &mut impl FnMut(&str, Change, Value)) {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let hex = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = hex.len() >= 8 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if digits && text.len() < 79 {
        put("one more", Change::Meaning, add_one(text).into());
        if let Some(less) = take_one(text) {
            put("one less", Change::Meaning, less.into());
        }
        put("with a leading zero", Change::Spelling, format!("0{text}").into());
        if let Ok(number) = text.parse::<u64>() {
            put("as a number", Change::Spelling, number.into());
        }
        return;
    }
    let first = text.len().saturating_sub(hex.len());
    let every = hex.len().div_ceil(PLACES_MAX).max(1);
    for (at, sign) in text.char_indices().skip(first).step_by(every) {
        let other = if is_hex { other_digit(sign) } else { other_sign(sign) };
        let end = at.saturating_add(sign.len_utf8());
        let changed = format!("{}{other}{}", text.get(..at).unwrap_or(""), text.get(end..).unwrap_or(""));
        put(&format!("character {at} changed"), Change::Meaning, changed.into());
    }
    if is_hex {
        let upper = format!("{}{}", text.get(..first).unwrap_or(""), hex.to_ascii_uppercase());
        if upper != text {
            put("in capitals", Change::Spelling, upper.into());
        }
        put("two digits longer", Change::Meaning, format!("{text}00").into());
        put(
            "two digits shorter",
            Change::Meaning,
            text.get(..text.len().saturating_sub(2)).unwrap_or("").into(),
        );
    } else if !text.is_empty() {
        put("one character longer", Change::Meaning, format!("{text}A").into());
        let mut shorter = text.to_owned();
        shorter.pop();
        put("one character shorter", Change::Meaning, shorter.into());
    }
}

/// The lowest bit of a hex digit flipped, in the digit's own case.
fn other_digit(sign: char) -> char {
    let flipped = sign.to_digit(16).and_then(|n| char::from_digit(n ^ 1, 16)).unwrap_or('0');
    if sign.is_ascii_uppercase() { flipped.to_ascii_uppercase() } else { flipped }
}

/// Another character of the same kind, so that base58 and base64 stay what they are.
fn other_sign(sign: char) -> char {
    match sign {
        '1'..='8' | 'a'..='j' | 'm'..='y' | 'A'..='G' | 'P'..='Y' => {
            u32::from(sign).checked_add(1).and_then(char::from_u32).unwrap_or('x')
        }
        _ => 'b',
    }
}

fn add_one(digits: &str) -> String {
    let mut out: Vec<u8> = digits.bytes().rev().collect();
    for digit in &mut out {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit = digit.saturating_add(1);
            return text_of(&out);
        }
    }
    out.push(b'1');
    text_of(&out)
}

fn take_one(digits: &str) -> Option<String> {
    let mut out: Vec<u8> = digits.bytes().rev().collect();
    for digit in &mut out {
        if *digit == b'0' {
            *digit = b'9';
        } else {
            *digit = digit.saturating_sub(1);
            let text = text_of(&out);
            let short = text.trim_start_matches('0');
            return Some(if short.is_empty() { "0".to_owned() } else { short.to_owned() });
        }
    }
    None
}

fn text_of(reversed: &[u8]) -> String {
    reversed.iter().rev().copied().map(char::from).collect()
}

/// Writes the document with one edit at `target`.
fn write(value: &Value, path: &mut Vec<Step>, target: &[Step], edit: &Edit) -> String {
    if path.as_slice() == target {
        return match edit {
            Edit::Put(text) => text.clone(),
            Edit::Drop | Edit::Twice(..) => value.to_string(),
        };
    }
    match value {
        Value::Object(map) => {
            let parts = map.iter().flat_map(|(key, value)| {
                let name = Value::from(key.as_str());
                let parts = part(value, Step::Key(key.clone()), path, target, edit);
                parts.into_iter().map(move |text| format!("{name}:{text}"))
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => {
            let parts = list
                .iter()
                .enumerate()
                .flat_map(|(place, value)| part(value, Step::Place(place), path, target, edit));
            format!("[{}]", parts.collect::<Vec<_>>().join(","))
        }
        leaf => leaf.to_string(),
    }
}

fn part(value: &Value, step: Step, path: &mut Vec<Step>, target: &[Step], edit: &Edit) -> Vec<String> {
    path.push(step);
    let texts = match edit {
        Edit::Drop if path.as_slice() == target => Vec::new(),
        Edit::Twice(a, b) if path.as_slice() == target => vec![a.clone(), b.clone()],
        _ => vec![write(value, path, target, edit)],
    };
    path.pop();
    texts
}

fn pointer(path: &[Step]) -> String {
    path.iter()
        .map(|step| match step {
            Step::Key(key) => format!("/{}", escape(key)),
            Step::Place(place) => format!("/{place}"),
        })
        .collect()
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(document: &Value) -> Vec<Mutation> {
        mutations(document)
    }

    #[test]
    fn every_mutation_is_json_and_differs() {
        let document =
            json!({"a": {"sig": "0xabcdef12", "n": "10", "l": [1, "x"]}, "t": 5, "b": true, "z": null});
        let all = of(&document);
        assert!(all.len() > 100, "{}", all.len());
        for one in &all {
            let read: Value = serde_json::from_str(&one.text).unwrap_or_else(|e| panic!("{one:?}: {e}"));
            let twice = one.what.starts_with("twice");
            assert!(read != document || twice, "{one:?}");
        }
        let pointers: std::collections::BTreeSet<_> = all.iter().map(|m| m.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["", "/a", "/a/l", "/a/l/0", "/a/l/1", "/a/n", "/a/sig", "/b", "/t", "/z"].into()
        );
    }

    #[test]
    fn decimals_go_up_and_down_by_one() {
        for (text, more, less) in
            [("10", "11", Some("9")), ("99", "100", Some("98")), ("0", "1", None), ("1", "2", Some("0"))]
        {
            assert_eq!((add_one(text).as_str(), take_one(text).as_deref()), (more, less));
        }
    }

    #[test]
    fn a_key_comes_twice_and_a_bit_flips() {
        let all = of(&json!({"k": "0xabcdef12"}));
        let texts = |what: &str| all.iter().find(|m| m.what == what).map(|m| m.text.clone()).unwrap();
        assert_eq!(texts("twice, changed last"), r#"{"k":"0xabcdef12","k":"0xbbcdef12"}"#);
        assert_eq!(texts("twice, changed first"), r#"{"k":"0xbbcdef12","k":"0xabcdef12"}"#);
        assert_eq!(texts("character 9 changed"), r#"{"k":"0xabcdef13"}"#);
        assert_eq!(texts("dropped"), "{}");
        assert!(all.iter().any(|m| m.change == Change::Spelling && m.text.contains("0xABCDEF12")));
    }
}
