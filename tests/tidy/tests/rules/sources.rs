//! Telling code, strings, comments and tests apart.

use tollway_tidy::source::{Source, occurrences};

fn read(text: &str) -> Source {
    Source::read("router/core/src/a.rs", text)
}

fn code(text: &str) -> String {
    read(text).lines.iter().map(|line| line.code.trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn strings_and_comments_are_not_code() {
    assert_eq!(code("let a = \"x // y\"; // z"), "let a =         ;");
    assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
    assert_eq!(code(r#"f("\"", g)"#), "f(    , g)");
    assert_eq!(code(r##"f(r#"a"b"#, br"\", c"d")"##), "f(        ,      , c   )");
    assert_eq!(code("let s = \"one\ntwo\"; x"), "let s =\n    ; x");
}

#[test]
fn quotes_of_characters_open_no_string() {
    assert_eq!(code("m('\"', b'\\'', '\\u{1F600}', 'x')"), "m(   , b    ,            ,    )");
    assert_eq!(
        code("fn f<'a>(x: &'a str) -> &'static str { x }"),
        "fn f<'a>(x: &'a str) -> &'static str { x }"
    );
    assert_eq!(code("for r in c {}"), "for r in c {}");
    assert_eq!(code("let r#type = 1;"), "let r#type = 1;");
}

#[test]
fn the_copies_keep_their_kind() {
    let line = &read("let a = \"eip\"; // why").lines[0];
    assert_eq!((line.text.trim_end(), line.comment.as_str()), ("let a = \"eip\";", "// why"));
}

fn tests_of(source: &Source) -> Vec<usize> {
    source.lines.iter().enumerate().filter(|(_, line)| line.test).map(|(at, _)| at + 1).collect()
}

#[test]
fn test_items_end_where_their_block_ends() {
    let source = read("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n");
    assert_eq!(tests_of(&source), [2, 3, 4, 5]);
    let source =
        read("#[cfg(test)]\n#[derive(Debug)]\nstruct A([u8; 4]);\nfn c() {}\n#[cfg(not(test))]\nfn d() {}\n");
    assert_eq!(tests_of(&source), [1, 2, 3]);
    assert_eq!(tests_of(&read("#[cfg(test)]\nuse a::{b, c};\nfn d() {}\n")), [1, 2]);
}

#[test]
fn test_modules_in_their_own_files_are_named() {
    let at = |path| Source::read(path, "#[cfg(test)]\nmod suite;\n").test_modules;
    assert_eq!(at("router/core/src/lib.rs"), ["router/core/src/suite"]);
    assert_eq!(at("router/core/src/money/mod.rs"), ["router/core/src/money/suite"]);
    assert_eq!(at("router/core/src/flow.rs"), ["router/core/src/flow/suite"]);
}

#[test]
fn folders_of_tests_are_tests() {
    for path in ["router/http/tests/codec.rs", "router/http/benches/codec.rs", "tests/e2e/src/lib.rs"] {
        assert_eq!(tests_of(&Source::read(path, "fn a() {}")), [1], "{path}");
    }
    assert!(tests_of(&read("fn a() {}")).is_empty());
}

#[test]
fn an_allowance_covers_its_line_or_the_statement_below() {
    let source = read("a(); // tidy: allow unwrap, because it was just set\nb();\n");
    assert_eq!((source.allowances[0].line, source.allowances[0].until), (1, 1));
    let text = "// tidy: allow expect, because the table is whole\n// and stays so.\nlet a = b\n    .c()\n    .d();\ne();\n";
    let source = read(text);
    assert_eq!((source.allowances[0].line, source.allowances[0].until), (1, 5));
    assert!(source.allowances[0].reasoned);
    assert!(!read("// tidy: allow expect\na();").allowances[0].reasoned);
    assert!(!read("// tidy: allow expect, because\na();").allowances[0].reasoned);
}

#[test]
fn words_are_whole() {
    let count = |line, word| occurrences(line, word).count();
    assert_eq!(count("rand::x operand::y rand::z", "rand::"), 2);
    assert_eq!(count("visit_f64(n: f64)", "f64"), 1);
    assert_eq!(count("a.unwrap().unwrap_or()", ".unwrap()"), 1);
    assert_eq!(count("core::panic!( no_panic!(", "panic!("), 1);
}
