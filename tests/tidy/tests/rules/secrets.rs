//! Types that would show a secret, on made-up files.

use tollway_tidy::source::Source;
use tollway_tidy::words::check;

/// The lines on which `text` would show a secret.
fn shown(path: &str, text: &str) -> Vec<usize> {
    let found = check(&Source::read(path, text));
    found.iter().inspect(|one| assert!(one.what.contains("`Debug`"), "{one}")).map(|one| one.line).collect()
}

const HOME: &str = "chains/moon/src/keys.rs";

#[test]
fn a_derived_debug_shows_no_field_that_is_called_like_a_secret() {
    for (field, of) in [
        ("private_key", "[u8; 32]"),
        ("signature", "String"),
        ("old_signatures", "Vec<Vec<u8>>"),
        ("api_key", "Option<String>"),
        ("password", "&'a str"),
        ("authorization", "HeaderValue"),
        ("mnemonic", "Box<str>"),
    ] {
        let text = format!(
            "#[derive(Debug, Clone)]\npub struct Sender {{\n    pub(crate) name: String,\n    {field}: {of},\n}}\n"
        );
        assert_eq!(shown(HOME, &text), [4], "{field}: {of}");
        assert_eq!(shown(HOME, &text.replace("Debug, ", "")), [0; 0], "{field}: no Debug");
        assert_eq!(shown("tests/e2e/src/keys.rs", &text), [0; 0], "a test's own");
    }
    assert_eq!(shown(HOME, "#[derive(Debug)]\nenum A {\n    B { signature: [u8; 65] },\n}\n"), [3]);
    assert_eq!(
        shown(HOME, "#[derive(Clone)]\n#[derive(Debug)]\n/// Doc.\nstruct A { secret: Vec<u8> }\n"),
        [4]
    );
}

#[test]
fn a_type_that_is_called_like_a_secret_shows_nothing_bare() {
    assert_eq!(shown(HOME, "#[derive(Debug)]\npub struct LocalKey(pub [u8; 32]);\n"), [2]);
    assert_eq!(shown(HOME, "#[derive(Debug)]\npub struct Credentials {\n    user: String,\n}\n"), [3]);
    assert_eq!(shown(HOME, "#[derive(Debug)]\npub(crate) struct Signed<'a> { bytes: &'a [u8] }\n"), [2]);
    for harmless in ["struct Key(u64);", "struct Signed { count: usize }", "struct AttemptId(String);"] {
        assert_eq!(shown(HOME, &format!("#[derive(Debug)]\n{harmless}\n")), [0; 0], "{harmless}");
    }
}

#[test]
fn what_hides_itself_may_be_derived() {
    for harmless in [
        "struct A {\n    signature: Json,\n    private_key: LocalKey,\n}",
        "struct Authorization {\n    payment: Payment,\n    attempt: AttemptId,\n}",
        "struct A {\n    signatures: u16,\n    signature_bytes: usize,\n    seed: u64,\n}",
        "struct A;",
    ] {
        assert_eq!(
            shown(HOME, &format!("#[derive(Debug)]\n{harmless}\nfn f(secret: String) {{}}\n")),
            [0; 0],
            "{harmless}"
        );
    }
}

#[test]
fn a_debug_by_hand_leaves_it_out() {
    let by_hand = |field: &str| {
        format!(
            "impl fmt::Debug for A {{\n    fn fmt(&self, f: &mut F) -> R {{\n        f.field(\"a\", &{field})\n    }}\n}}\nfn g() {{ self.secret }}\n"
        )
    };
    assert_eq!(shown(HOME, &by_hand("self.signature")), [3]);
    assert_eq!(shown(HOME, &by_hand("self.api_token")), [3]);
    assert_eq!(shown(HOME, &by_hand("self.signature.len()")), [0; 0]);
    assert_eq!(shown(HOME, &by_hand("self.address")), [0; 0]);
}

#[test]
fn a_reason_may_allow_it() {
    let text = "#[derive(Debug)]\nstruct A {\n    // tidy: allow secret, because it is of the public test account\n    secret: String,\n}\n";
    assert_eq!(shown(HOME, text), [0; 0]);
}
