//! What a person sees; silent under `--json`.

use super::payment::PaymentReport;
use crate::{out, table, words};
use tollway::core::Usd;
use tollway::route::Explanation;

/// Prints for people, or not at all.
pub(super) struct Printer {
    pub(super) json: bool,
}

impl Printer {
    /// A line of its own.
    pub(super) fn head(&self, text: &str) {
        self.line(&format!("\n▌ {text}"));
    }
    /// What is shown is no part of the payment: that it cannot be shown does not stop one.
    fn line(&self, text: &str) {
        if !self.json {
            drop(out::line(text));
        }
    }
    /// The ranked table.
    pub(super) fn table(&self, explanation: &Explanation) {
        self.line(table::render(explanation).trim_end_matches('\n'));
    }
    /// One payment.
    pub(super) fn payment(&self, paid: &PaymentReport, body: &str) {
        let b = &paid.balances;
        self.line(&format!(
            "  → paid {} on {} in {}",
            usdc(b.payer_usdc_before.saturating_sub(b.payer_usdc_after)),
            paid.title,
            paid.transaction
        ));
        self.line(&format!("    answer: {}", body.trim_end()));
        self.line(&format!("    payer    {} → {}", usdc(b.payer_usdc_before), usdc(b.payer_usdc_after)));
        self.line(&format!(
            "    merchant {} → {}",
            usdc(b.merchant_usdc_before),
            usdc(b.merchant_usdc_after)
        ));
        self.line(&format!(
            "    settling was predicted to cost {:.6}, and cost {:.6} (the settler's balance on chain){}",
            paid.predicted_cost_usd,
            paid.actual_cost_usd,
            off(paid.predicted_cost_usd, paid.actual_cost_usd)
        ));
    }
}

fn usdc(atomic: u128) -> String {
    format!("{} USDC", words::decimal(atomic, 6))
}

/// How far off the prediction was, in tenths of a percent.
fn off(predicted: Usd, actual: Usd) -> String {
    let (more, less) = (predicted.e18().max(actual.e18()), predicted.e18().min(actual.e18()));
    match (more - less).checked_mul(1000).and_then(|n| n.checked_div(actual.e18())) {
        Some(permille) => format!(": {}.{} % off", permille / 10, permille % 10),
        None => String::new(),
    }
}
