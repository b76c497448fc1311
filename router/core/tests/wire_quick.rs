//! Plain challenges are read by a reader of our own and all others by serde; which of the two it was, nobody can tell.
//!
//! A line end inside the outermost braces says nothing and is not plain: so every text is read a second time, by serde.

mod common;

use common::FAMILIES;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tollway_core::{Challenge, Entry, Json, Requirement, wire};

/// The same text for serde alone; `None` when it is no object, which serde reads anyway.
fn for_serde(text: &str) -> Option<String> {
    let (before, inside) = text.split_once('{')?;
    before.trim_ascii().is_empty().then(|| format!("{before}{{\n{inside}"))
}

/// All that is read, to the byte: [`Json`]s are equal in any spelling, so their texts are compared as well.
fn told(challenge: &Challenge) -> String {
    let text = |json: &Json| json.as_str().to_owned();
    let requirement = |r: &Requirement| {
        let Requirement {
            version, scheme, method, chain, price, pay_to, timeout_s, flow, extra, raw, ..
        } = r;
        let texts = (text(&extra.0), text(raw));
        format!("{version:?} {scheme} {method:?} {chain} {price:?} {pay_to} {timeout_s} {flow:?} {texts:?}")
    };
    let entry = |e: &Entry| (e.requirement.as_ref().map(requirement).map_err(Clone::clone), text(&e.raw));
    let Challenge { version, accepts, resource, extensions, error, .. } = challenge;
    let accepts: Vec<_> = accepts.iter().map(entry).collect();
    let others = (resource.as_ref().map(text), extensions.as_ref().map(text));
    format!("{version:?} {error:?} {others:?} {accepts:#?}")
}

/// True when it is a challenge.
fn alike(text: &str) -> bool {
    let read = wire::parse_challenge(text, FAMILIES);
    let Some(twin) = for_serde(text) else {
        assert!(read.is_err(), "{text}");
        return false;
    };
    match (&read, &wire::parse_challenge(twin, FAMILIES)) {
        (Ok(read), Ok(serde)) => {
            assert_eq!(told(read), told(serde), "{text}");
            assert_eq!(read, serde, "{text}");
            // Whatever is kept is JSON, and is passed on as it stands.
            let kept = read.accepts.iter().map(|e| &e.raw).chain(&read.resource).chain(&read.extensions);
            for json in kept {
                assert_eq!(
                    Json::parse(json.as_str()).map(|j| j.as_str().to_owned()),
                    Ok(json.as_str().to_owned())
                );
            }
            true
        }
        (Err(read), Err(serde)) => {
            assert_eq!(read.code, serde.code, "{text}");
            false
        }
        (read, serde) => panic!("{text}\nread: {read:?}\nserde: {serde:?}"),
    }
}

/// One of these, most often the first.
fn mostly(first: &'static str, others: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(first), 1 => select(others)]
}

/// Anything that may stand where a value does, and some that may not.
fn value() -> impl Strategy<Value = String> {
    const NUMBERS: &str =
        "0 7 60 256 18446744073709551615 18446744073709551616 -0 -1 1.5 1. .5 1e2 1E2 1E+2 01 NaN";
    const WORDS: &str = "null true false nul nulll True {} [] 'x' \u{feff}1";
    const STRINGS: &str =
        r#""" "}" "]" "," ":" "{" "null" "scheme": "é漢𝄞" "\"" "\\" "\u0061" "open "0xAa" "10000" "exact""#;
    let others = [
        "",
        "{ }",
        "[ ]",
        "\u{a0}1",
        "\" \"",
        "\"\u{7f}\u{2028}\"",
        "\"\t\"",
        "\"longer than sixteen bytes\"",
    ];
    let leaves = [NUMBERS, WORDS, STRINGS].into_iter().flat_map(|list| list.split(' ')).chain(others);
    let leaves: Vec<_> = leaves.map(str::to_owned).collect();
    let leaf = prop_oneof![
        6 => select(leaves),
        1 => "\"[a-zA-Z0-9:{}\\[\\], é]{0,20}\"",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let listed = prop::collection::vec(inner.clone(), 0..4);
        let member = (key(), inner).prop_map(|(key, value)| format!("{key}{value}"));
        prop_oneof![
            (listed, sep()).prop_map(|(list, sep)| format!("[{}]", list.join(sep))),
            (prop::collection::vec(member, 0..4), sep())
                .prop_map(|(list, sep)| format!("{{{}}}", list.join(sep))),
        ]
    })
}

fn sep() -> impl Strategy<Value = &'static str> {
    mostly(",", &[" , ", ", ", " ,", ",,", "\n,", "", ",\u{a0}"])
}

/// A key and its colon: known, nearly known, or anybody's.
fn key() -> impl Strategy<Value = String> {
    const KNOWN: &str = "scheme network amount maxAmountRequired asset payTo maxTimeoutSeconds extra version x402Version \
        accepts error resource extensions assetTransferMethod paymentFlow name";
    const NEAR: &str =
        r"schem schemes networks payto Extra extra: extra:{ asset: é a extr\u0061 scheme\u003a";
    let names: Vec<_> = KNOWN.split(' ').chain(NEAR.split(' ')).chain(["", "payTo "]).collect();
    let names = select(names);
    let colon = mostly(":", &[" : ", ": ", " :", "", "::", ":\n", ":,"]);
    (names, colon).prop_map(|(name, colon)| format!("\"{name}\"{colon}"))
}

/// A member that belongs there: with the first value most often, now and then with another that peers write, rarely with
/// anything.
fn member(name: &'static str, usual: &'static [&'static str]) -> BoxedStrategy<String> {
    let usual = prop_oneof![16 => Just(usual[0]), 4 => select(usual)].prop_map(str::to_owned);
    let value = prop_oneof![80 => usual, 1 => value()];
    let colon = prop_oneof![12 => Just(":"), 1 => select(&[" :", ": ", "  :  "][..])];
    (colon, value).prop_map(move |(colon, value)| format!("\"{name}\"{colon}{value}")).boxed()
}

/// One of two entries is somebody else's: what was read of the one is not to be found in the other.
fn either(
    name: &'static str,
    one: &'static [&'static str],
    other: &'static [&'static str],
) -> BoxedStrategy<String> {
    prop_oneof![member(name, one), member(name, other)].boxed()
}

/// Members in any order, now and then with one too few, one twice, or one of somebody else.
fn object(members: Vec<BoxedStrategy<String>>) -> impl Strategy<Value = String> {
    let stranger = (key(), value()).prop_map(|(key, value)| format!("{key}{value}"));
    let odd = prop::option::weighted(0.15, stranger);
    let rarely = || prop::option::weighted(0.04, any::<Index>());
    (members, rarely(), rarely(), odd, sep())
        .prop_flat_map(|(mut members, drop, twice, odd, sep)| {
            if let Some(at) = twice {
                members.push(at.get(&members).clone());
            }
            if let Some(at) = drop {
                members.remove(at.index(members.len()));
            }
            members.extend(odd);
            (Just(members).prop_shuffle(), Just(sep))
        })
        .prop_map(|(members, sep)| format!("{{{}}}", members.join(sep)))
}

fn entry() -> impl Strategy<Value = String> {
    object(vec![
        either("scheme", &[r#""exact""#, r#""""#], &[r#""upto""#, r#""sixteen-bytes-it""#]),
        either(
            "network",
            &[r#""eip155:8453""#, r#""base""#, r#""bbb:1""#],
            &[r#""solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp""#, r#""eip155:42161""#, r#""solana""#],
        ),
        member("amount", &[r#""10000""#, r#""0""#, r#""x""#, "null"]),
        member("maxAmountRequired", &[r#""10000""#, r#""1""#]),
        either("asset", &[r#""0xAa""#, r#""native""#], &[r#""0xaA""#, r#""""#]),
        either(
            "payTo",
            &[r#""0xBb""#, r#""bB""#],
            &[r#""0x00000000000000000000000000000000000000Bb""#, r#""native""#, r#""0xbB""#],
        ),
        member("maxTimeoutSeconds", &["60", "0", "60.0"]),
        member(
            "extra",
            &[
                "{}",
                "{ }",
                "null",
                r#"{"name":"USDC","version":"2"}"#,
                r#"{"a":{"b":[{"c":"}"}]}}"#,
                r#"[]"#,
                r#""""#,
                r#"{"assetTransferMethod":"permit2"}"#,
                r#"{"paymentFlow":"upfront"}"#,
                r#"{"paymentFlow":"x"}"#,
                r#"{"paymentFlow":"escrow","paymentFlow":"escrow"}"#,
                r#"{"x":"paymentFlow"}"#,
            ],
        ),
    ])
}

fn challenge() -> impl Strategy<Value = String> {
    let entry = prop_oneof![20 => entry().boxed(), 1 => value().boxed()];
    let list = (prop::collection::vec(entry, 0..4), sep());
    let accepts = list.prop_map(|(entries, sep)| format!("[{}]", entries.join(sep)));
    let accepts = prop_oneof![30 => accepts.boxed(), 1 => value().boxed()];
    object(vec![
        member("x402Version", &["2", "1", "3"]),
        accepts.prop_map(|accepts| format!("\"accepts\":{accepts}")).boxed(),
        member("error", &[r#""insufficient_funds""#, "null", r#""é""#]),
        member("resource", &[r#"{"url":"https://a.example/{x}"}"#, "null", "{}", "1"]),
        member("extensions", &["{}", "null", r#"{"a":[1,true,{}]}"#, "[]"]),
    ])
}

/// Bytes that mean something are put in the way of others, or brackets in each other's place.
fn tampered() -> impl Strategy<Value = String> {
    const TEXTS: &[&str] =
        &["", "\"", "{", "}", "[", "]", ",", ":", " ", "\\", "\n", "0", "-", "null", "\0", "é", "extra\":{"];
    let cut = (any::<Index>(), 0usize..4, select(TEXTS).prop_map(str::to_owned));
    let swap = (any::<Index>(), select(b"[]{}".as_slice()));
    let cuts = prop_oneof![
        (challenge(), prop::collection::vec(cut, 1..4)).prop_map(|(text, cuts)| {
            let cut = |(at, length, with): (Index, usize, String)| (at.index(text.len()), length, with);
            let cuts: Vec<_> = cuts.into_iter().map(cut).collect();
            (text, cuts)
        }),
        (challenge(), prop::collection::vec(swap, 1..3)).prop_map(|(text, swaps)| {
            let marks: Vec<_> = text.match_indices(['[', ']', '{', '}']).map(|(at, _)| at).collect();
            let cut =
                |(at, with): (Index, u8)| (marks[at.index(marks.len())], 1, char::from(with).to_string());
            (text, swaps.into_iter().map(cut).collect())
        })
    ];
    cuts.prop_map(|(mut text, cuts)| {
        for (at, length, with) in cuts {
            let at = text.floor_char_boundary(at.min(text.len()));
            let end = text.ceil_char_boundary(at.saturating_add(length).min(text.len()));
            text.replace_range(at..end, &with);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_challenge_is_read_as_serde_reads_it(text in challenge(), around in mostly("", &[" ", "\n", "\u{c}", "\u{feff}", "x"])) {
        alike(&format!("{around}{text}"));
        alike(&format!("{text}{around}"));
    }

    #[test]
    fn so_is_one_that_was_tampered_with(text in tampered()) {
        alike(&text);
    }
}

#[test]
fn lists_are_as_long_and_values_as_deep_as_serde_has_them() {
    let of = |accepts: &str, more: &str| format!(r#"{{"x402Version":2,"accepts":[{accepts}]{more}}}"#);
    for count in [255, 256, 257] {
        assert_eq!(alike(&of(&vec![common::V2; count].join(","), "")), count <= 256);
    }
    for depth in (0..70).chain([126, 127, 128, 129, 1_000]) {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deep = if depth == 0 { "1" } else { &*deep };
        alike(&of(common::V2, &format!(r#","extensions":{deep}"#)));
        alike(&of(common::V2, &format!(r#","other":{{"x":{deep}}}"#)));
        alike(&of(&common::V2.replace(r#""2"}"#, &format!(r#""2","x":{deep}}}"#)), ""));
    }
}

#[test]
fn most_of_what_is_compared_is_a_challenge() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let read = (0..1_000).filter(|_| alike(&challenge().new_tree(&mut runner).unwrap().current())).count();
    assert!((300..900).contains(&read), "{read} of 1,000: too few or too many to compare both");
}
