//! The third-party scheme: small, alone in its folder, and quoted by the book as it stands.

use crate::Finding;
use crate::tree::File;

/// Where it is.
pub const FOLDER: &str = "examples/third-party-scheme/";

/// The most lines of Rust that it may have, tests and comments included.
pub const LINES_MAX: usize = 300;

/// The chapter that is made of its code.
pub const CHAPTER: &str = "router/src/book/scheme.rs";

/// Who may name it: words for people, the manifest that leaves it out, and the tests that prove it.
const WITNESSES: [&str; 4] = ["Cargo.toml", CHAPTER, "tests/outsider/", "tests/tidy/"];

/// That it has grown, or is gone.
pub fn small(files: &[File]) -> Vec<Finding> {
    let rust = files.iter().filter(|file| file.path.starts_with(FOLDER) && file.path.ends_with(".rs"));
    match rust.map(|file| file.text.lines().count()).sum() {
        0 => vec![Finding::at(FOLDER, 0, "has no Rust in it", "a scheme as an outsider would write it")],
        lines if lines > LINES_MAX => {
            vec![Finding::at(FOLDER, 0, format!("{lines} lines of Rust"), format!("at most {LINES_MAX}"))]
        }
        _ => Vec::new(),
    }
}

/// Every place outside its folder that knows of it: adding a scheme takes no edit there.
pub fn alone(files: &[File]) -> Vec<Finding> {
    let may = |path: &str| {
        path.starts_with(FOLDER)
            || path.ends_with(".md")
            || WITNESSES.iter().any(|witness| match witness.strip_suffix('/') {
                Some(_) => path.starts_with(witness),
                None => path == *witness,
            })
    };
    let names = |line: &str| line.replace('_', "-").contains("third-party-scheme");
    let strangers = files.iter().filter(|file| !may(&file.path));
    let lines = strangers.flat_map(|file| file.text.lines().enumerate().map(move |line| (file, line)));
    lines
        .filter(|(_, (_, line))| names(line))
        .map(|(file, (at, _))| {
            Finding::at(
                &file.path,
                at + 1,
                "names the third-party scheme",
                "it needs no edit outside its folder",
            )
        })
        .collect()
}

/// Every quotation in the chapter that is not the scheme's code any more, and every file of it that is not quoted. A
/// quotation is a fenced block whose first line is a comment with the file's path.
pub fn quoted(files: &[File]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let quotations = quotations(text(CHAPTER));
    let right = "quote it as it stands";
    let wrong = quotations.iter().filter(|one| !text(&format!("{FOLDER}{}", one.path)).contains(&one.code));
    let wrong = wrong.map(|one| Finding::at(CHAPTER, one.line, format!("is not in {}", one.path), right));
    let rust = files.iter().filter_map(|file| file.path.strip_prefix(FOLDER));
    let rust = rust.filter(|path| path.ends_with(".rs"));
    let unquoted = rust.filter(|path| !quotations.iter().any(|one| one.path == *path));
    wrong
        .chain(unquoted.map(|path| Finding::at(CHAPTER, 0, format!("does not quote {path}"), right)))
        .collect()
}

struct Quotation {
    line: usize,
    path: String,
    code: String,
}

fn quotations(chapter: &str) -> Vec<Quotation> {
    let prose: Vec<_> = chapter.lines().map(|line| line.strip_prefix("//!").unwrap_or(line)).collect();
    let prose: Vec<_> = prose.into_iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let (mut found, mut lines) = (Vec::new(), prose.iter().enumerate());
    while let Some((at, line)) = lines.next() {
        if !line.starts_with("```") {
            continue;
        }
        let block: Vec<_> = lines.by_ref().map(|(_, line)| *line).take_while(|line| *line != "```").collect();
        let path =
            block.first().and_then(|first| first.strip_prefix("// ")).filter(|path| path.ends_with(".rs"));
        if let Some(path) = path {
            found.push(Quotation { line: at + 1, path: path.to_owned(), code: block[1..].join("\n") });
        }
    }
    found
}
