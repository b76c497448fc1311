//! The table that goes into the README.

use std::fmt::Write;

/// One line.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is done.
    pub operation: &'static str,
    /// What it is measured against, in nanoseconds.
    pub floor_ns: f64,
    /// What it takes here, in nanoseconds.
    pub ours_ns: f64,
    /// What was promised.
    pub goal: Goal,
}

/// What was promised.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most so many times the floor.
    Times(f64),
    /// At most so many nanoseconds.
    Within(f64),
    /// Nothing; shown beside the others.
    Shown,
}

impl Row {
    /// True when the goal is met.
    pub fn met(&self) -> bool {
        match self.goal {
            Goal::Times(most) => self.ours_ns <= self.floor_ns * most,
            Goal::Within(most_ns) => self.ours_ns <= most_ns,
            Goal::Shown => true,
        }
    }
}

/// All lines as Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from("| operation | floor | ours | ratio | goal |\n|---|---|---|---|---|\n");
    for row in rows {
        let goal = match row.goal {
            Goal::Times(most) => format!("≤ {most} × floor"),
            Goal::Within(most_ns) => format!("≤ {}", micros(most_ns)),
            Goal::Shown => String::new(),
        };
        let missed = if row.met() { "" } else { " (missed)" };
        let (floor, ours, ratio) = (micros(row.floor_ns), micros(row.ours_ns), row.ours_ns / row.floor_ns);
        let _ = writeln!(text, "| {} | {floor} | {ours} | {ratio:.2} | {goal}{missed} |", row.operation);
    }
    text
}

fn micros(ns: f64) -> String {
    format!("{:.2} µs", ns / 1_000.0)
}
