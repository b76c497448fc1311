//! Breaches, and the comments that allow them.

use crate::Finding;
use crate::source::{Allowance, Source};

/// A rule broken on a line; a comment may allow it by the rule's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The rule's name.
    pub rule: &'static str,
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
    /// What would be right.
    pub right: &'static str,
}

/// The breaches that nothing allows, and the allowances that lack a reason or a use.
pub fn judge(source: &Source, breaches: Vec<Breach>) -> Vec<Finding> {
    let mut used = vec![false; source.allowances.len()];
    let mut found = Vec::new();
    for breach in breaches {
        let covers = |allow: &Allowance| {
            allow.rule == breach.rule && (allow.line..=allow.until).contains(&breach.line)
        };
        match source.allowances.iter().position(covers) {
            Some(at) => used[at] = true,
            None => found.push(Finding::at(&source.path, breach.line, breach.what, breach.right)),
        }
    }
    for (allow, used) in source.allowances.iter().zip(used) {
        if !used {
            let what = format!("nothing here needs the allowance for `{}`", allow.rule);
            let right = "take it out, or spell the rule's name right";
            found.push(Finding::at(&source.path, allow.line, what, right));
        } else if !allow.reasoned {
            let what = format!("`{}` is allowed without a reason", allow.rule);
            let right = format!("say why: `// tidy: allow {}, because …`", allow.rule);
            found.push(Finding::at(&source.path, allow.line, what, right));
        }
    }
    found
}
