//! The README lists every golden value with its test; here the list is held against the tests.

use std::collections::BTreeSet;
use std::path::Path;

/// How many values are published.
const VALUES: usize = 47;

struct Row<'a> {
    name: &'a str,
    value: &'a str,
    file: &'a str,
    test: &'a str,
}

/// `| name | `value` | `file::test` |`
fn rows(readme: &str) -> Vec<Row<'_>> {
    let section = readme.split("\n## ").find(|part| part.starts_with("The values")).unwrap();
    let table = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line| {
        let cells: Vec<&str> = str::split(line, '|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, name, value, test, _] = cells[..] else { panic!("{line}") };
        let (file, test) = test.split_once("::").unwrap();
        Row { name, value, file, test }
    };
    table.map(row).collect()
}

/// The source of one test function.
fn body<'s>(source: &'s str, test: &str) -> Option<&'s str> {
    let from = source.find(&format!("#[test]\nfn {test}() {{"))?;
    let rest = source.get(from..)?;
    rest.get(..rest.find("\n}\n")?)
}

#[test]
fn every_value_stands_in_the_test_that_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let rows = rows(&readme);
    assert_eq!(rows.len(), VALUES);
    assert_eq!(
        rows.iter().map(|row| row.name).collect::<BTreeSet<_>>().len(),
        VALUES,
        "a name is there twice"
    );
    for row in rows {
        let path = root.join("tests/values").join(format!("{}.rs", row.file));
        let source = std::fs::read_to_string(&path).unwrap();
        let body = body(&source, row.test).unwrap_or_else(|| panic!("{}: no test {}", row.name, row.test));
        let constant = || source.lines().find(|line| line.starts_with("const ") && line.contains(row.value));
        let named = |line: &str| body.contains(line.split([' ', ':']).nth(1).unwrap());
        assert!(body.contains(row.value) || constant().is_some_and(named), "{}: {}", row.name, row.value);
    }
}
