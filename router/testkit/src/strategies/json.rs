//! JSON texts of no particular meaning.

use proptest::prelude::*;

/// A small JSON value.
pub fn small() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[ -~]{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..4).prop_map(|map| {
                let fields: Vec<_> = map.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
    .boxed()
}

/// Almost JSON: a small value with one thing wrong, so that no reader takes it.
pub fn almost() -> BoxedStrategy<String> {
    let wrong: Vec<fn(String) -> String> = vec![
        |text| format!("{text}]"),
        |text| format!("[{text}"),
        |text| format!("[{text},]"),
        |text| format!("{{\"a\":{text},}}"),
        |text| format!("{{a:{text}}}"),
        |text| format!("{{'a':{text}}}"),
        |text| format!("[{text}] // why"),
        |text| format!("[{text} NaN]"),
        |text| format!("[{text},01]"),
        |text| format!("[{text},\"\u{1}\"]"),
        |text| format!("[{text},\"\\x\"]"),
        |text| format!("\u{feff}{text}"),
        |_| String::new(),
    ];
    (small(), prop::sample::select(wrong)).prop_map(|(text, wrong)| wrong(text)).boxed()
}

/// Anything an enemy may write where a JSON value is expected: deep, huge, doubled, cut, of a wrong type, with half a
/// surrogate pair, or no JSON at all. `size` bounds depth, lengths and counts.
pub fn hostile(size: usize) -> BoxedStrategy<String> {
    let size = size.max(1);
    let count = 1..=size;
    prop_oneof![
        3 => prop::sample::select(NASTY).prop_map(str::to_owned),
        1 => small(),
        1 => almost(),
        1 => count.clone().prop_map(|n| format!("{}{}", "[".repeat(n), "]".repeat(n))),
        1 => count.clone().prop_map(|n| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n))),
        1 => count.clone().prop_map(|n| "[{\"a\":".repeat(n)),
        1 => count.clone().prop_map(|n| format!("\"{}\"", "A".repeat(n))),
        1 => count.clone().prop_map(|n| format!("\"{}\"", "\\ud800".repeat(n))),
        1 => count.clone().prop_map(|n| format!("\"{}\"", "\u{1f4b8}".repeat(n))),
        1 => count.clone().prop_map(|n| "9".repeat(n)),
        1 => count.clone().prop_map(|n| format!("-{}", "9".repeat(n))),
        1 => count.clone().prop_map(|n| format!("0.{}1e-{n}", "0".repeat(n))),
        1 => count.clone().prop_map(|n| format!("[{}]", vec!["{}"; n].join(","))),
        1 => count.clone().prop_map(|n| format!("{{{}}}", vec!["\"a\":1"; n].join(","))),
        1 => count.prop_map(|n| format!("{{{}}}", (0..n).map(|k| format!("\"{k}\":null")).collect::<Vec<_>>().join(","))),
        1 => any::<String>(),
        1 => any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ]
    .boxed()
}

/// A text that was right, cut, doubled or with one character replaced.
pub fn mangled(valid: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (valid, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..5, any::<char>()).prop_map(
        |(text, from, to, how, new)| {
            let chars: Vec<char> = text.chars().collect();
            if chars.is_empty() {
                return text;
            }
            let (from, to) = (from.index(chars.len()), to.index(chars.len()));
            let (low, high) = (from.min(to), from.max(to));
            let (head, tail) = chars.split_at(low);
            let (middle, tail) = tail.split_at(high.saturating_sub(low));
            match how {
                0 => head.iter().collect(),
                1 => head.iter().chain(tail).collect(),
                2 => head.iter().chain(middle).chain(middle).chain(tail).collect(),
                3 => head.iter().chain([&new]).chain(tail.iter().skip(1)).collect(),
                _ => head.iter().chain([&new]).chain(middle).chain(tail).collect(),
            }
        },
    )
}

/// Values that have broken somebody's reader once.
const NASTY: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "1E-9999",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "-9223372036854775809",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udfff\\ud800\"",
    "\"\u{202e}\"",
    "\"0x\"",
    "\"-1\"",
    "\"+1\"",
    "\"1e9\"",
    "\"00\"",
    "\"\u{0661}\"",
    "\"340282366920938463463374607431768211456\"",
    "\"native\"",
    "\":\"",
    "\"eip155:\"",
    "\"sim:1:2:3\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":{}}",
    "{\"__proto__\":1}",
    "{\"a\":1,\"a\":2}",
    "NaN",
    "Infinity",
    "'a'",
    "\"\\",
    "{\"a\"",
    "",
];
