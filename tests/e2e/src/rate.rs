//! What benches measure of facilitators.

use crate::Outcome;
use futures::StreamExt;
use std::time::{Duration, Instant};

/// Settles all of these bodies of `/settle`, so many at once; how long each took.
///
/// # Errors
/// No answer, or one that is no receipt.
pub async fn settle_all(
    client: &reqwest::Client,
    url: &str,
    bodies: impl IntoIterator<Item = &String>,
    at_once: usize,
) -> Outcome<Vec<Duration>> {
    let all = futures::stream::iter(bodies).map(|body| async move {
        let begun = Instant::now();
        let request = client.post(url).header("content-type", "application/json").body(body.clone());
        let answer = request.send().await?.text().await?;
        if !answer.contains("\"success\":true") {
            return Err(answer.into());
        }
        Ok(begun.elapsed())
    });
    all.buffer_unordered(at_once).collect::<Vec<_>>().await.into_iter().collect()
}

/// The processor time that a process has used, in steps of ten milliseconds.
///
/// # Errors
/// There is no such process.
pub fn cpu(pid: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit_once(") ").ok_or("no stat")?.1;
    let field = |n: usize| -> Outcome<u64> { Ok(after.split(' ').nth(n).ok_or("no field")?.parse()?) };
    Ok(Duration::from_millis((field(11)? + field(12)?) * 10))
}
