//! Names on chains: what their grammars allow, and that nothing is lost on the way through text.

use proptest::prelude::*;
use tollway_core::{Account, AssetId, ChainId, Code, Name};

#[test]
fn caip2_takes_its_grammar_and_nothing_else() {
    let good = [
        "eip155:1",
        "eip155:8453",
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
        "a-b:c_D-9",
        "abc:1",
        "abcdefgh:x",
    ];
    for text in good {
        let chain = ChainId::new(text).unwrap();
        assert_eq!(format!("{}:{}", chain.namespace(), chain.reference()), text);
        assert_eq!(serde_json::from_str::<ChainId>(&serde_json::to_string(&chain).unwrap()).unwrap(), chain);
    }
    let long = format!("eip155:{}", "1".repeat(33));
    let bad = [
        "",
        ":",
        "eip155",
        "eip155:",
        ":1",
        "ei:1",
        "abcdefghi:1",
        "EIP155:1",
        "eip155:1:2",
        "eip155: 1",
        "eip155:1 ",
        " eip155:1",
        "eip155:*",
        "eip155:１",
        "éip155:1",
        "eip155:a.b",
        "eip155:\0",
        &long,
    ];
    for text in bad {
        assert_eq!(ChainId::new(text).expect_err(text).code, Code::InvalidNetwork);
        assert!(serde_json::from_str::<ChainId>(&serde_json::to_string(text).unwrap()).is_err(), "{text}");
    }
}

#[test]
fn accounts_and_assets_refuse_what_cannot_be_shown() {
    let chain = ChainId::new("eip155:1").unwrap();
    for bad in ["", " ", "a b", "a\n", "\u{7f}", "é", &"x".repeat(129)] {
        assert_eq!(Account::new(chain, bad).expect_err(bad).code, Code::InvalidAddress);
        assert_eq!(AssetId::new(chain, bad).expect_err(bad).code, Code::InvalidAddress);
    }
    assert!(Account::new(chain, &"x".repeat(tollway_core::ids::KEY_BYTES_MAX)).is_ok());
    for text in ["", "eip155:1", "eip155:1:", "eip155", "eip155:1/0x", "1:2:3"] {
        assert!(text.parse::<Account>().is_err(), "{text}");
    }
    for text in ["", "eip155:1", "eip155:1/", "eip155:1:0x", "eip155/1"] {
        assert!(text.parse::<AssetId>().is_err(), "{text}");
    }
    assert!(AssetId::native(chain).is_native());
    assert_eq!(AssetId::native(chain), "eip155:1/native".parse().unwrap());
    assert!(Account::new(chain, &"y".repeat(1 << 20)).unwrap_err().detail.len() < 200);
}

#[test]
fn names_are_short_and_printable_also_from_json() {
    assert_eq!(Name::new("exact").unwrap(), "exact");
    let long = "x".repeat(33);
    for bad in ["", " ", "a b", "é", "a\n", &long] {
        assert_eq!(Name::new(bad).expect_err(bad).code, Code::UnsupportedScheme);
        let text = serde_json::to_string(bad).unwrap();
        assert!(serde_json::from_str::<Name>(&text).is_err(), "{bad:?} must not come in by the back door");
    }
    assert!(Name::new(&long[..32]).is_ok());
}

fn chain() -> impl Strategy<Value = String> {
    "[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_whole_caip2_grammar_is_taken(text in chain()) {
        let chain = ChainId::new(&text).unwrap();
        prop_assert_eq!(chain.as_str(), &text);
    }

    #[test]
    fn any_text_is_a_chain_only_by_the_grammar(text in "\\PC{0,44}|[-a-zA-Z0-9_:]{0,44}") {
        if let Ok(chain) = ChainId::new(&text) {
            prop_assert_eq!(chain.to_string(), text.clone());
            prop_assert_eq!(text.matches(':').count(), 1);
            prop_assert!((3..=8).contains(&chain.namespace().len()));
            prop_assert!((1..=32).contains(&chain.reference().len()));
        }
    }

    #[test]
    fn accounts_and_assets_survive_text(chain in chain(), key in "[!-~]{1,68}") {
        let chain = ChainId::new(&chain).unwrap();
        let account = Account::new(chain, &key).unwrap();
        prop_assert_eq!(account.to_string().parse::<Account>().unwrap(), account);
        let asset = AssetId::new(chain, &key).unwrap();
        prop_assert_eq!(asset.to_string().parse::<AssetId>().unwrap(), asset);
        let text = serde_json::to_string(&(account, asset)).unwrap();
        prop_assert_eq!(serde_json::from_str::<(Account, AssetId)>(&text).unwrap(), (account, asset));
    }
}
