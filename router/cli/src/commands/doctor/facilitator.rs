//! Do the facilitators answer, and for which networks?

use super::finding::{Finding, words};
use super::network::Node;
use super::{all, within};
use crate::args::Doctor;
use crate::config::Config;
use crate::remotes::{Remote, shown};
use crate::safety;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::time::Duration;
use tollway::http::RemoteFacilitator;

const AREA: &str = "facilitator";
/// The most that is read of an answer.
const BODY_MAX: usize = 256 << 10;
const TIMEOUT: Duration = Duration::from_secs(8);

/// What a web server said.
pub(super) struct Answer {
    pub(super) status: reqwest::StatusCode,
    pub(super) date: Option<String>,
    body: Vec<u8>,
}

/// Asks once: no redirect is followed, and an answer has an end.
pub(super) async fn get(url: url::Url) -> Result<Answer, String> {
    get_with(url, HeaderMap::new()).await
}

async fn get_with(url: url::Url, headers: HeaderMap) -> Result<Answer, String> {
    let client = reqwest::Client::builder()
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(|_| "this system makes no HTTP client".to_owned())?;
    // The URL may hold a secret.
    let why = |e: reqwest::Error| {
        let what = if e.is_connect() { "no connection" } else { "no answer" };
        if e.is_timeout() { "no answer in time".to_owned() } else { what.to_owned() }
    };
    let mut response = client.get(url).send().await.map_err(why)?;
    let date = response.headers().get(reqwest::header::DATE).and_then(|d| d.to_str().ok());
    let mut answer = Answer { status: response.status(), date: date.map(str::to_owned), body: Vec::new() };
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        if answer.body.len().saturating_add(chunk.len()) > BODY_MAX {
            return Err("the answer is too large".to_owned());
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

#[derive(Deserialize)]
struct Supported {
    kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    network: String,
}

#[derive(Deserialize)]
struct Health {
    ok: bool,
}

pub(super) async fn check(args: &Doctor, config: &Config, nodes: &[Node]) -> Vec<Finding> {
    let asked = args.facilitators.iter().map(|url| remote(url, HeaderMap::new(), nodes));
    let mut findings = all(asked).await;
    findings.extend(all(config.remotes.iter().map(|remote| configured(remote, nodes))).await);
    findings.push(own(config).await);
    findings.push(callers(config).into_iter().collect());
    findings.into_iter().flatten().collect()
}

/// Can the keys of those who may use ours be read?
fn callers(config: &Config) -> Option<Finding> {
    let settles = !config.settlers.0.is_empty() || !config.remotes.is_empty();
    let wrong = settles.then(|| safety::keys(&config.facilitator)).and_then(Result::err)?;
    let advice = "export that variable or mend the file, `env` and `file` under [[facilitator.key]] name them; \
                  or listen on 127.0.0.1";
    Some(Finding::bad(AREA, "callers of our own", wrong.words, advice))
}

/// One that our facilitator settles through.
async fn configured(asked: &Remote, nodes: &[Node]) -> Vec<Finding> {
    let broken = |said: String, advice: &str| vec![Finding::bad(AREA, shown(&asked.url), said, advice)];
    let url = match RemoteFacilitator::address(&asked.url, asked.plain_http) {
        Ok(url) => url,
        Err(e) => return broken(words(&e), "mend `url` in that [[remote]] section"),
    };
    let headers = match asked.headers() {
        Ok(headers) => headers,
        Err(e) => return broken(e.words, "export that variable, or mend `headers_env` in that [[remote]]"),
    };
    let mut sent = HeaderMap::new();
    for (name, value) in headers {
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(&name), HeaderValue::try_from(&value)) else {
            let said = format!("the header {name:.64?} cannot be sent");
            return broken(
                said,
                "mend its name in `headers_env`, or its value: one line of plain characters",
            );
        };
        value.set_sensitive(true);
        sent.insert(name, value);
    }
    remote(&url, sent, nodes).await
}

/// Somebody's facilitator.
async fn remote(url: &url::Url, headers: HeaderMap, nodes: &[Node]) -> Vec<Finding> {
    // A path may hold a key, as a query may.
    let name = url.origin().ascii_serialization();
    let broken = |said: String, advice: &str| vec![Finding::bad(AREA, &name, said, advice)];
    const UP: &str = "is it up, and is this its address? Payments that need it cannot be settled";
    let answer = match within(get_with(under(url, "supported"), headers.clone())).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) | Err(why) => return broken(why, UP),
    };
    if matches!(answer.status.as_u16(), 401 | 403) {
        let said = format!("/supported answers {}: it does not accept our credentials", answer.status);
        return broken(said, "put its key into the variable that `headers_env` of its [[remote]] names");
    }
    if !answer.status.is_success() {
        return broken(format!("/supported answers {}", answer.status), UP);
    }
    let Ok(supported) = serde_json::from_slice::<Supported>(&answer.body) else {
        return broken("/supported answers what no facilitator says".to_owned(), UP);
    };
    let settles = |node: &&Node| supported.kinds.iter().any(|kind| kind.network == node.id);
    let here: Vec<_> = nodes.iter().filter(settles).map(|node| node.id.as_str()).collect();
    let mut findings = vec![if here.is_empty() {
        let said = format!("settles {} kinds, on no network of this configuration", supported.kinds.len());
        Finding::warn(AREA, &name, said, "add its networks as [[network]], or use another facilitator")
    } else {
        Finding::ok(AREA, &name, format!("settles on {}", here.join(", ")))
    }];
    findings.extend(ill(&name, url, headers).await);
    findings
}

/// What `/health` complains of, where there is one.
async fn ill(name: &str, url: &url::Url, headers: HeaderMap) -> Option<Finding> {
    let answer = within(get_with(under(url, "health"), headers)).await.ok()?.ok()?;
    let health = serde_json::from_slice::<Health>(&answer.body).ok()?;
    let said = "says of itself that it cannot settle now (/health)";
    (!health.ok).then(|| Finding::bad(AREA, name, said, "look at its ledger and its log, or wait"))
}

/// The one that this configuration is for.
async fn own(config: &Config) -> Vec<Finding> {
    let at = config.facilitator.listen;
    if (config.settlers.0.is_empty() && config.remotes.is_empty()) || at.port() == 0 {
        return Vec::new();
    }
    let subject = format!("our own at {at}");
    let Ok(url) = url::Url::parse(&format!("http://{at}/")) else { return Vec::new() };
    let health = within(get(under(&url, "health"))).await.and_then(|answer| answer);
    let health = health.map(|answer| serde_json::from_slice::<Health>(&answer.body));
    vec![match health {
        Ok(Ok(Health { ok: true })) => Finding::ok(AREA, subject, "runs, and is well"),
        Ok(Ok(Health { ok: false })) => Finding::bad(
            AREA,
            subject,
            "runs, and its ledger does not answer",
            "look at its disk and its log",
        ),
        Ok(Err(_)) => {
            let advice = "another program listens there: end it, or set another `listen` under [facilitator]";
            Finding::bad(AREA, subject, "what answers there is no facilitator", advice)
        }
        Err(why) => {
            Finding::warn(AREA, subject, format!("does not run here: {why}"), "start `tollway facilitator`")
        }
    }]
}

/// A path below a URL, whether that ends in a slash or not.
fn under(url: &url::Url, path: &str) -> url::Url {
    let mut url = url.clone();
    let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&whole);
    url
}
