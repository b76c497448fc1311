//! The third-party scheme.

use tollway_tidy::outsider::{CHAPTER, FOLDER, LINES_MAX, alone, quoted, small};
use tollway_tidy::tree::File;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

fn scheme(text: &str) -> File {
    file(&format!("{FOLDER}src/lib.rs"), text)
}

#[test]
fn it_stays_small() {
    assert!(small(&[scheme(&"x\n".repeat(LINES_MAX))]).is_empty());
    assert_eq!(small(&[scheme(&"x\n".repeat(LINES_MAX + 1))]).len(), 1);
    let halves = [scheme(&"x\n".repeat(LINES_MAX)), file(&format!("{FOLDER}tests/a.rs"), "x\n")];
    assert_eq!(small(&halves).len(), 1, "tests count too");
    assert_eq!(small(&[]).len(), 1, "it is gone");
}

#[test]
fn nobody_else_knows_it() {
    let says = |path: &str, text: &str| alone(&[file(path, text)]).len();
    assert_eq!(says("router/src/plugins.rs", "use third_party_scheme as _;"), 1);
    assert_eq!(says("router/Cargo.toml", "third-party-scheme = \"1\""), 1);
    assert_eq!(says("router/src/plugins.rs", "use other as _;"), 0);
    for may in ["Cargo.toml", "README.md", "tests/outsider/src/lib.rs", CHAPTER] {
        assert_eq!(says(may, "third-party-scheme"), 0, "{may}");
    }
}

#[test]
fn the_book_quotes_it_as_it_stands() {
    let chapter = |code: &str| {
        file(CHAPTER, &format!("//! Words.\n//!\n//! ```text\n//! // src/lib.rs\n{code}//! ```\n"))
    };
    let code = scheme("a();\n\nfn f() {\n    b();\n}\n");
    assert!(quoted(&[code.clone(), chapter("//! fn f() {\n//!     b();\n//! }\n")]).is_empty());
    let drifted = quoted(&[code.clone(), chapter("//! fn f() {\n//!     c();\n//! }\n")]);
    assert_eq!((drifted.len(), drifted[0].line), (1, 3));
    assert_eq!(quoted(&[code, file(CHAPTER, "//! Words.\n")]).len(), 1, "nothing is quoted");
}
