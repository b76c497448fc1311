//! The README is cut from the facade's crate docs, so that its code is compiled and its links are checked.

/// Where the README ends in the crate docs.
pub const END: &str = "<!-- the README ends here -->";

/// The README that a crate's source makes: its `//!` lines up to [`END`], with rustdoc's own marks taken out of the
/// code blocks.
///
/// # Errors
/// When the end is not marked.
pub fn cut(source: &str) -> Result<String, String> {
    let mut out = String::new();
    let (mut in_code, mut in_rust) = (false, false);
    for line in source.lines().map_while(|l| l.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if line == END {
            return Ok(format!("{}\n", out.trim_end()));
        }
        if let Some(kind) = line.strip_prefix("```") {
            in_code = !in_code;
            in_rust = in_code && (kind.is_empty() || kind.starts_with("no_run") || kind.starts_with("rust"));
            out.push_str(if in_rust { "```rust" } else { line });
        } else if in_rust && (line == "#" || line.starts_with("# ")) {
            continue;
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    Err(format!("the crate docs do not hold a line {END:?}"))
}

#[cfg(test)]
mod tests {
    use super::{END, cut};

    #[test]
    fn code_is_shown_without_hidden_lines() {
        let docs = format!(
            "//! # A\n//!\n//! ```no_run\n//! # hidden\n//! shown();\n//! ```\n//! {END}\n//! more\n"
        );
        assert_eq!(cut(&docs).as_deref(), Ok("# A\n\n```rust\nshown();\n```\n"));
    }

    #[test]
    fn shell_lines_and_headings_stay() {
        let docs = format!("//! # Try it\n//! ```sh\n//! # all of it:\n//! cargo demo\n//! ```\n//! {END}\n");
        assert_eq!(cut(&docs).as_deref(), Ok("# Try it\n```sh\n# all of it:\ncargo demo\n```\n"));
    }

    #[test]
    fn an_unmarked_end_is_an_error() {
        assert!(cut("//! # A\n").is_err());
    }
}
