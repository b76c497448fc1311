//! The machine: whose processor time went where, and how busy it is.

use std::io::Write;
use std::time::Duration;
use tollway_e2e::Outcome;

/// The processor time that a process has used, in steps of ten milliseconds.
pub(crate) fn cpu(pid: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit_once(") ").ok_or("no stat")?.1;
    let field = |n: usize| -> Outcome<u64> { Ok(after.split(' ').nth(n).ok_or("no field")?.parse()?) };
    Ok(Duration::from_millis((field(11)? + field(12)?) * 10))
}

/// How many processes ran or waited for a processor, averaged over the last minute.
pub(crate) fn load() -> String {
    let said = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    said.split(' ').next().unwrap_or_default().to_owned()
}

/// Its processors.
pub(crate) fn name() -> String {
    let said = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).collect();
    format!("{} × {}", models.len(), models.first().unwrap_or(&"a processor"))
}

/// News on the way, beside the table.
pub(crate) fn say(news: &str) {
    // Nobody may listen.
    let _ = writeln!(std::io::stderr(), "settle: {news}");
}
