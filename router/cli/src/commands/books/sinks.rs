//! Where rows go: a table of the newest, CSV, or one JSON list.

use super::row::{Line, Row};
use crate::exit::{Failure, Outcome};
use crate::out;
use comfy_table::presets::NOTHING;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tollway::core::Time;

/// Takes payments, in no particular order.
pub(super) trait Sink {
    /// One payment.
    fn row(&mut self, row: Row) -> Outcome;
    /// A page is over: what was written may go out.
    fn page(&mut self) -> Outcome;
    /// That was all.
    fn end(self: Box<Self>) -> Outcome;
}

/// Comma-separated, with a heading; streamed.
pub(super) struct Csv {
    writer: csv::Writer<Vec<u8>>,
}

impl Csv {
    pub(super) fn new() -> Outcome<Self> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.write_record(Line::HEADINGS).map_err(Failure::failed)?;
        Ok(Self { writer })
    }

    fn flush(&mut self) -> Outcome {
        let empty = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let full = std::mem::replace(&mut self.writer, empty);
        let bytes = full.into_inner().map_err(|e| Failure::failed(e.error()))?;
        out::write(String::from_utf8_lossy(&bytes))
    }
}

impl Sink for Csv {
    fn row(&mut self, row: Row) -> Outcome {
        let line = row.line();
        self.writer.write_record(line.cells().map(harmless)).map_err(Failure::failed)
    }
    fn page(&mut self) -> Outcome {
        self.flush()
    }
    fn end(mut self: Box<Self>) -> Outcome {
        self.flush()
    }
}

/// A cell that a spreadsheet takes for a formula would run in it, and others choose what stands in some.
fn harmless(cell: &str) -> String {
    let plain = cell.replace(char::is_control, " ");
    if plain.trim_start().starts_with(['=', '+', '-', '@']) || cell.starts_with(['\t', '\r']) {
        return format!("'{plain}");
    }
    plain
}

/// One JSON list of objects; streamed.
#[derive(Default)]
pub(super) struct Json {
    buffer: String,
    begun: bool,
}

impl Sink for Json {
    fn row(&mut self, row: Row) -> Outcome {
        self.buffer.push_str(if self.begun { ",\n" } else { "[\n" });
        self.begun = true;
        self.buffer.push_str(&serde_json::to_string(&row.line()).map_err(Failure::failed)?);
        Ok(())
    }
    fn page(&mut self) -> Outcome {
        out::write(std::mem::take(&mut self.buffer))
    }
    fn end(mut self: Box<Self>) -> Outcome {
        self.page()?;
        out::write(if self.begun { "\n]\n" } else { "[]\n" })
    }
}

/// The newest, for people: no more than these are held.
pub(super) struct Table {
    newest: BinaryHeap<Reverse<Newest>>,
    most: usize,
    left_out: usize,
}

/// A row by its time; what is under way comes last, as the newest.
struct Newest(Time, Row);

impl Ord for Newest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl PartialOrd for Newest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Newest {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Newest {}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self { newest: BinaryHeap::new(), most, left_out: 0 }
    }
}

impl Sink for Table {
    fn row(&mut self, row: Row) -> Outcome {
        self.newest.push(Reverse(Newest(row.at.unwrap_or(Time::FAR), row)));
        if self.newest.len() > self.most {
            self.newest.pop();
            self.left_out = self.left_out.saturating_add(1);
        }
        Ok(())
    }
    fn page(&mut self) -> Outcome {
        Ok(())
    }
    fn end(self: Box<Self>) -> Outcome {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        table.set_header([
            "time",
            "side",
            "state",
            "charged",
            "network",
            "payer",
            "payee",
            "resource",
            "gas",
            "transaction",
        ]);
        let mut rows: Vec<_> = self.newest.into_iter().map(|Reverse(newest)| newest).collect();
        rows.sort();
        if rows.is_empty() {
            return out::line("no payments");
        }
        for Newest(_, row) in rows {
            let line = row.line();
            let charged = with_unit(&line.charged, &line.charged_atomic, &line.unit);
            let gas = with_unit(&line.gas, &line.gas_atomic, &line.gas_unit);
            let plain = |text: String| text.replace(char::is_control, " ");
            let cells = [
                line.time,
                line.side.to_owned(),
                line.state.to_owned(),
                charged,
                line.network,
                line.payer,
                line.payee,
                line.resource,
                gas,
                line.transaction,
            ];
            table.add_row(cells.map(plain));
        }
        out::line(table.trim_fmt())?;
        if self.left_out > 0 {
            out::line(format_args!("and {} older ones; --csv and --json export all", self.left_out))?;
        }
        Ok(())
    }
}

fn with_unit(whole: &str, atomic: &str, unit: &str) -> String {
    if whole.is_empty() { atomic.to_owned() } else { format!("{whole} {unit}") }
}

impl Line {
    const HEADINGS: [&'static str; 20] = [
        "time",
        "side",
        "id",
        "state",
        "resource",
        "scheme",
        "network",
        "payer",
        "payee",
        "asset",
        "unit",
        "charged",
        "charged_atomic",
        "at_most_atomic",
        "gas_unit",
        "gas",
        "gas_atomic",
        "gas_shared_by",
        "transaction",
        "why",
    ];

    /// In the order of the headings.
    fn cells(&self) -> [&str; 20] {
        [
            &self.time,
            self.side,
            &self.id,
            self.state,
            &self.resource,
            &self.scheme,
            &self.network,
            &self.payer,
            &self.payee,
            &self.asset,
            &self.unit,
            &self.charged,
            &self.charged_atomic,
            &self.at_most_atomic,
            &self.gas_unit,
            &self.gas,
            &self.gas_atomic,
            &self.gas_shared_by,
            &self.transaction,
            &self.why,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1"] {
            let cell = harmless(formula);
            assert!(cell.starts_with('\'') && !cell.contains(char::is_control), "{cell:?}");
        }
        assert_eq!(harmless("https://a.example/x"), "https://a.example/x");
        assert_eq!(harmless("0.010000"), "0.010000");
    }
}
