//! Types that would show a secret to whoever prints them.
//!
//! A derived `Debug` prints every field. It is a breach where a field that is called like a secret, or any field of a type
//! that is, holds plain text or bytes; where the field's own type hides what it holds (`Json`, a signer) it is none. A
//! `Debug` written by hand is a breach where it reads such a field.

use crate::allow::Breach;
use crate::source::{Source, occurrences};

/// How types that hold a secret are called, by the end of the name.
const TYPES: [&str; 16] = [
    "Secret",
    "SecretKey",
    "PrivateKey",
    "LocalKey",
    "Keypair",
    "Credential",
    "Credentials",
    "Password",
    "Passphrase",
    "Mnemonic",
    "ApiKey",
    "ApiToken",
    "AuthToken",
    "Signed",
    "Signature",
    "Authorization",
];

/// How fields that hold one are called: so, or ending so after an underscore.
const FIELDS: [&str; 20] = [
    "secret",
    "private_key",
    "secret_key",
    "signing_key",
    "key_bytes",
    "keypair",
    "api_key",
    "api_token",
    "access_token",
    "auth_token",
    "bearer",
    "password",
    "passphrase",
    "mnemonic",
    "seed_phrase",
    "signature",
    "signatures",
    "authorization",
    "credentials",
    "cookie",
];

/// What prints as it is.
const BARE: [&str; 11] = [
    "String",
    "str",
    "u8",
    "Bytes",
    "B256",
    "FixedBytes",
    "HeaderValue",
    "HeaderMap",
    "Value",
    "RawValue",
    "OsString",
];

const RIGHT: &str =
    "write `Debug` by hand and leave it out, or give the field a type that hides what it holds";

/// Every type whose `Debug` would show a secret.
pub(crate) fn find(source: &Source) -> Vec<Breach> {
    let code: Vec<_> =
        source.lines.iter().map(|line| if line.test { "" } else { line.code.as_str() }).collect();
    let code = code.join("\n");
    let mut found = derived(&code);
    found.extend(by_hand(&code));
    found.sort_by_key(|breach| breach.line);
    found
}

fn breach(code: &str, at: usize, what: String) -> Breach {
    Breach { rule: "secret", line: code[..at].matches('\n').count() + 1, what, right: RIGHT }
}

fn derived(code: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[derive(") {
        let Some(end) = code[at..].find(")]") else { continue };
        if occurrences(&code[at..at + end], "Debug").next().is_none() {
            continue;
        }
        let Some((name, body, start)) = item(code, at + end + 2) else { continue };
        let named = TYPES.iter().any(|end| name.ends_with(end));
        for (offset, field, of) in fields(body) {
            let bare = BARE.iter().any(|bare| occurrences(of, bare).next().is_some());
            if bare && (named || is_secret(field)) {
                let what = format!("`{name}` derives `Debug`, which shows `{field}`");
                found.push(breach(code, start + offset, what));
            }
        }
    }
    found
}

/// The name, the body and where it begins of the struct or enum behind a derive.
fn item(code: &str, from: usize) -> Option<(&str, &str, usize)> {
    let rest = &code[from..];
    let open = rest.find(['{', '(', ';']).and_then(|_| keyword(rest))?;
    let name_end = rest[open..].find(|c: char| !c.is_alphanumeric() && c != '_').map(|n| open + n)?;
    let name = &rest[open..name_end];
    let start = name_end + rest[name_end..].find(['{', '(', ';'])?;
    let length = block(&rest[start..]);
    Some((name, &rest[start..start + length], from + start))
}

/// Where the name behind `struct` or `enum` begins.
fn keyword(rest: &str) -> Option<usize> {
    ["struct ", "enum "].iter().filter_map(|word| Some(rest.find(word)? + word.len())).min()
}

/// How far a block reaches, its brackets included.
pub(crate) fn block(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    code.len()
}

/// Each field with its place and its type. Fields without a name are called after the type.
fn fields(body: &str) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for piece in body.split([',', '\n', '{', '}']) {
        let text = piece.trim().trim_start_matches("pub ");
        let text = text.strip_prefix("pub(").and_then(|t| t.split_once(')')).map_or(text, |(_, t)| t.trim());
        match text.split_once(": ") {
            Some((name, of)) => found.push((at + piece.find(text).unwrap_or(0), name, of)),
            None if body.starts_with('(') && !text.is_empty() => found.push((at, text, text)),
            None => {}
        }
        at += piece.len() + 1;
    }
    found
}

fn is_secret(field: &str) -> bool {
    FIELDS
        .iter()
        .any(|end| field.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
}

fn by_hand(code: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("Debug for ") {
        let Some(open) = code[at..].find('{') else { continue };
        let body = &code[at + open..];
        let body = &body[..block(body)];
        for (place, _) in body.match_indices("self.") {
            let field = &body[place + "self.".len()..];
            let name = field.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            // What is asked of a secret (its length, whether it is there) does not show it.
            let asked = field[name.len()..].starts_with('.');
            if is_secret(name) && !asked {
                found.push(breach(code, at + open + place, format!("a `Debug` by hand reads `{name}`")));
            }
        }
    }
    found
}
