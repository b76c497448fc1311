//! What the cases hit, so that agreement cannot come from nothing having happened.

use crate::case::Case;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

#[derive(Default)]
pub(crate) struct Seen {
    cases: usize,
    routes: usize,
    codes: BTreeMap<String, usize>,
    parts: BTreeMap<String, usize>,
    ties: BTreeMap<&'static str, usize>,
    networks: BTreeMap<String, usize>,
}

/// Every reason that considering an entry can have, and how often it must come up.
const CODES: [&str; 27] = [
    "invalid_payment_requirements",
    "invalid_network",
    "invalid_address",
    "invalid_amount",
    "unsupported_scheme",
    "unsupported_payment_flow",
    "role_missing",
    "policy_denied",
    "over_cap",
    "invalid_exact_evm_missing_eip712_domain",
    "invalid_exact_evm_token_name_mismatch",
    "invalid_exact_evm_token_version_mismatch",
    "unknown_asset",
    "no_signer",
    "timed_out",
    "rpc_refused",
    "unreachable",
    "invalid_answer",
    "insufficient_funds",
    "no_price",
    "stale_price",
    "absurd_price",
    "no_quote",
    "stale_quote",
    "budget_exceeded",
    "ledger_failed",
    "routes",
];
const TIES: [&str; 4] = ["by settlement", "by latency", "by name", "by place"];
const LEAST: usize = 10;

impl Seen {
    pub(crate) fn take(&mut self, case: &Case, explanation: &Value) {
        self.cases += 1;
        let routes = explanation["routes"].as_array().unwrap();
        self.routes += routes.len();
        for row in explanation["rejected"].as_array().unwrap() {
            *self.codes.entry(text(&row["code"])).or_default() += 1;
        }
        for route in routes {
            *self.networks.entry(text(&route["network_title"])).or_default() += 1;
            for part in route["parts"].as_array().unwrap().iter().flat_map(|w| w["parts"].as_array().unwrap())
            {
                *self.parts.entry(text(&part["part"])).or_default() += 1;
            }
        }
        for pair in routes.windows(2) {
            let same = |key: &str| pair[0][key] == pair[1][key];
            if !same("payer_cost_usd") {
                continue;
            }
            let names = ["network", "scheme", "asset", "pay_to"];
            let by = match () {
                () if !same("settlement_cost_usd") => "by settlement",
                () if !same("latency_ms") => "by latency",
                () if !names.into_iter().all(same) => "by name",
                () => "by place",
            };
            *self.ties.entry(by).or_default() += 1;
        }
        let used = case.steps.iter().map(|s| case.now_ms - s.age_ms);
        let ages: Vec<u64> = used.collect();
        let old = |route: &&Value| {
            let taken = route["parts"][0]["taken_at_ms"].as_u64();
            taken.is_some_and(|taken| ages.contains(&taken))
        };
        let stale = |route: &&Value| {
            route["parts"][0]["valid_until_ms"].as_u64().is_some_and(|until| until <= case.now_ms)
        };
        *self.ties.entry("(routes on a kept fee market)").or_default() += routes.iter().filter(old).count();
        *self.ties.entry("(routes on a stale fee market)").or_default() +=
            routes.iter().filter(stale).count();
    }

    /// Everything that can happen did, and not once or twice only.
    pub(crate) fn enough(&self) {
        let count = |from: &BTreeMap<String, usize>, key: &str| from.get(key).copied().unwrap_or(0);
        for code in CODES.into_iter().filter(|code| *code != "routes") {
            assert!(count(&self.codes, code) >= LEAST, "{code} came up {} times", count(&self.codes, code));
        }
        for code in self.codes.keys() {
            assert!(CODES.contains(&code.as_str()), "{code} is on no list of what can happen");
        }
        for part in ["execution", "priority", "l1_data", "operator"] {
            assert!(count(&self.parts, part) >= 200, "{part} was priced {} times", count(&self.parts, part));
        }
        for tie in TIES.into_iter().chain(["(routes on a kept fee market)", "(routes on a stale fee market)"])
        {
            let met = self.ties.get(tie).copied().unwrap_or(0);
            assert!(met >= LEAST, "{tie}: {met} times");
        }
        assert!(self.routes >= 2_000, "{} routes", self.routes);
        assert!(self.networks.len() >= 8, "{:?}", self.networks);
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejected: usize = self.codes.values().sum();
        writeln!(f, "  {} cases, {} routes ranked, {rejected} entries rejected", self.cases, self.routes)?;
        writeln!(f, "  reasons: {:?}", self.codes)?;
        writeln!(f, "  parts: {:?}", self.parts)?;
        writeln!(f, "  neighbours of equal bill, decided: {:?}", self.ties)?;
        writeln!(f, "  networks: {:?}", self.networks)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The first place where two answers part.
pub(crate) fn difference(ours: &Value, theirs: &Value) -> String {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let (one, other) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                if one != other {
                    return format!(".{key}{}", difference(one, other));
                }
            }
            String::new()
        }
        (Value::Array(a), Value::Array(b)) => {
            let apart = a.iter().zip(b).position(|(one, other)| one != other);
            match apart {
                Some(n) => format!("[{n}]{}  (row {})", difference(&a[n], &b[n]), a[n]["index"]),
                None => {
                    let places =
                        |rows: &[Value]| rows.iter().map(|r| r["index"].to_string()).collect::<Vec<_>>();
                    format!(": {:?} rows, the other {:?}", places(a), places(b))
                }
            }
        }
        _ => format!(": {ours}, the other {theirs}"),
    }
}
