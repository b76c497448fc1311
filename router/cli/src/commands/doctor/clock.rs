//! Do this machine, the nodes and the chains have the same time? Signatures have windows, and a window that is shifted is
//! a payment refused.

use super::facilitator;
use super::finding::Finding;
use super::network::Node;
use super::{all, within};
use tollway::core::{Clock as _, Time};
use tollway::system::SystemClock;

const AREA: &str = "clock";
/// As much is tolerated everywhere.
const SKEW_MS: u64 = 30_000;
/// A chain that has made no block for so many of its usual pauses, and at least for so long, stands still.
const QUIET_BLOCKS: u64 = 20;
const QUIET_MS: u64 = 120_000;

pub(super) async fn check(nodes: &[Node]) -> Vec<Finding> {
    let mut findings = all(nodes.iter().map(by_http)).await.into_iter().flatten().collect::<Vec<_>>();
    findings.extend(nodes.iter().filter_map(by_chain));
    findings
}

/// Against the `Date` of the node's web server.
async fn by_http(node: &Node) -> Option<Finding> {
    let url = origin(node.url.as_ref()?)?;
    let answer = within(facilitator::get(url)).await.ok()?.ok()?;
    let date = httpdate::parse_http_date(&answer.date?).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(compare(&format!("{} by its web server", node.id), Time::from_secs(since.as_secs())))
}

/// Against the newest block.
fn by_chain(node: &Node) -> Option<Finding> {
    let live = node.live.as_ref()?;
    let time = live.checkup.as_ref().ok()?.time;
    let subject = format!("{} by its newest block", node.id);
    let (now, block_ms) = (SystemClock.now(), u64::from(live.connected.handle.network.traits().block_ms));
    if time.ms_since(now) > SKEW_MS {
        return Some(compare(&subject, time));
    }
    let quiet_ms = now.ms_since(time);
    Some(if quiet_ms > block_ms.saturating_mul(QUIET_BLOCKS).max(QUIET_MS) {
        let said = format!("{} s old", quiet_ms / 1000);
        let advice = "the chain makes no blocks, the node lags behind it, or this machine's clock is ahead";
        Finding::warn(AREA, subject, said, advice)
    } else {
        Finding::ok(AREA, subject, format!("{} s old", quiet_ms / 1000))
    })
}

pub(super) fn compare(subject: &str, theirs: Time) -> Finding {
    let now = SystemClock.now();
    let (behind, ahead) = (theirs.ms_since(now), now.ms_since(theirs));
    if behind > SKEW_MS {
        let said = format!("this machine is {} s behind", behind / 1000);
        return Finding::bad(AREA, subject, said, NTP);
    }
    if ahead > SKEW_MS {
        return Finding::bad(AREA, subject, format!("this machine is {} s ahead", ahead / 1000), NTP);
    }
    Finding::ok(AREA, subject, format!("{} s apart", behind.max(ahead) / 1000))
}

const NTP: &str =
    "set the clock (NTP): 30 seconds are tolerated, more makes signatures that are expired or not yet valid";

/// The node's web server, without a path that may hold a key.
fn origin(url: &str) -> Option<url::Url> {
    // The first of several.
    let mut url = url::Url::parse(url.split_whitespace().next()?).ok()?;
    let scheme = match url.scheme() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return None,
    };
    url.set_scheme(scheme).ok()?;
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}
