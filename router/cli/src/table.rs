//! The ranked table for people.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use tollway::core::{Bearer, Part, Usd};
use tollway::route::{Explanation, RouteRow, WorkRow};

/// Every entry: ranked with all its costs, what the payer does itself and what settling takes where that is more than one
/// transaction, then the rejected ones with their reasons.
pub(crate) fn render(explanation: &Explanation) -> String {
    let mut out = String::new();
    if !explanation.routes.is_empty() {
        out.push_str(&routes(&explanation.routes).to_string());
        out.push('\n');
    }
    for (place, row) in explanation.routes.iter().enumerate() {
        works(&mut out, place.saturating_add(1), row);
    }
    for row in &explanation.rejected {
        let what = match (&row.scheme, &row.network_title) {
            (Some(name), Some(network)) => format!("{} on {network}", scheme(name, row.method.as_deref())),
            _ => "unreadable".to_owned(),
        };
        let reason = if row.reason.is_empty() { &row.code } else { &row.reason };
        out.push_str(&format!("  ✗ #{} {what}: {} ({reason})\n", row.index, row.code));
    }
    out
}

fn routes(rows: &[RouteRow]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "",
        "network",
        "scheme",
        "price",
        "you pay",
        "settlement",
        "execution",
        "L1 data",
        "priority",
        "other",
    ]);
    for (place, row) in rows.iter().enumerate() {
        table.add_row([
            format!("{}", place + 1),
            row.network_title.clone(),
            scheme(&row.scheme, row.method.as_deref()),
            format!("{:.6}", row.price_usd),
            format!("{:.6}", row.payer_cost_usd),
            format!("{:.6}", row.settlement_cost_usd),
            part(row, Some(Part::Execution)),
            part(row, Some(Part::L1Data)),
            part(row, Some(Part::Priority)),
            part(row, None),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The scheme, and how it moves the money where that is said.
fn scheme(name: &str, method: Option<&str>) -> String {
    method.map_or_else(|| name.to_owned(), |method| format!("{name}/{method}"))
}

/// What a route takes beside one settlement, and who pays for it.
fn works(out: &mut String, place: usize, row: &RouteRow) {
    for work in row.parts.iter().filter(|work| work.bearer == Bearer::Payer && !work.refundable) {
        out.push_str(&format!("  {place}: you send {} first, for {:.6}", work.label, work.whole_usd));
        if work.shared_by > 1 {
            out.push_str(&format!(
                "; {:.6} of it counts here, as one of {} payments",
                work.usd, work.shared_by
            ));
        }
        out.push('\n');
    }
    let settling = || row.parts.iter().filter(|work| work.bearer != Bearer::Payer && !work.refundable);
    if settling().count() > 1 {
        let each: Vec<_> = settling().map(|work| format!("{} {:.6}", work.label, work.usd)).collect();
        out.push_str(&format!("  {place}: settling is {}\n", each.join(", ")));
    }
}

/// One part of the settlement, summed over its works; `None` sums what has no column of its own.
fn part(row: &RouteRow, which: Option<Part>) -> String {
    let works = row.parts.iter().filter(|w: &&WorkRow| w.bearer != Bearer::Payer && !w.refundable);
    let parts = works.flat_map(|w| &w.parts).filter(|p| match which {
        Some(part) => p.part == part,
        None => !matches!(p.part, Part::Execution | Part::L1Data | Part::Priority),
    });
    let sum = parts.fold(Usd::ZERO, |sum, p| sum.checked_add(p.usd).unwrap_or(sum));
    if sum == Usd::ZERO { "–".to_owned() } else { format!("{sum:.6}") }
}
