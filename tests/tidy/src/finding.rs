use std::fmt::{Display, Formatter, Result as Fmt};

/// One breach of a house rule. Findings order by file, then line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root of the tree.
    pub path: String,
    /// The line, counted from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What stands there.
    pub what: String,
    /// What would be right.
    pub right: String,
}

impl Finding {
    /// A finding at one line of a file; line 0 means the whole file.
    pub fn at(
        path: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        right: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), line, what: what.into(), right: right.into() }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Fmt {
        match self.line {
            0 => write!(f, "{}: {}: {}", self.path, self.what, self.right),
            line => write!(f, "{}:{line}: {}: {}", self.path, self.what, self.right),
        }
    }
}

/// `Ok` when nothing was found, or every finding on a line of its own, in order and without repeats.
pub fn verdict(mut findings: Vec<Finding>) -> Result<(), String> {
    findings.sort();
    findings.dedup();
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    Err(format!("{} found\n{}", lines.len(), lines.join("\n")))
}
