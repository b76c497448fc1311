//! What a person sees; silent under `--json`.

use super::payment::PaymentReport;
use super::tokens::TokenReport;
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
        self.moved("payer", [b.payer_usdc_before, b.payer_usdc_after].map(usdc));
        self.moved("merchant", [b.merchant_usdc_before, b.merchant_usdc_after].map(usdc));
        self.cost(paid.predicted_cost_usd, paid.actual_cost_usd);
    }
    /// One payment in some token, refused ones too.
    pub(super) fn token(&self, paid: &TokenReport, body: &str) {
        let amount = |atomic| format!("{} {}", words::decimal(atomic, paid.decimals), paid.token);
        let b = &paid.balances;
        match &paid.settled {
            None => self.table(&Explanation { routes: Vec::new(), rejected: paid.rejected.clone() }),
            Some(settled) => {
                let gone = amount(b.payer_before.saturating_sub(b.payer_after));
                self.line(&format!("  → paid {gone} on {} in {}", settled.title, settled.transaction));
                self.line(&format!("    answer: {}", body.trim_end()));
            }
        }
        self.moved("payer", [b.payer_before, b.payer_after].map(amount));
        self.moved("merchant", [b.merchant_before, b.merchant_after].map(amount));
        if let Some(settled) = &paid.settled {
            self.cost(settled.predicted_cost_usd, settled.actual_cost_usd);
        }
    }
    fn moved(&self, who: &str, [before, after]: [String; 2]) {
        self.line(&format!("    {who:<8} {before} → {after}"));
    }
    fn cost(&self, predicted: Usd, actual: Usd) {
        self.line(&format!(
            "    settling was predicted to cost {predicted:.6}, and cost {actual:.6} (the settler's balance on chain){}",
            off(predicted, actual)
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
