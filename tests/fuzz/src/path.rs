use crate::servers::{self, Route};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tollway_core::{Code, Error};
use tollway_http::server::{Paywall, PaywallBuilder, Priced};
use tower::{Layer, ServiceExt};

/// Longer paths take longer to look at, and say no more.
const BYTES_MAX: usize = 300;

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    static SHOP: RefCell<Option<Arc<tollway_route::Gate>>> = const { RefCell::new(None) };
}

/// Patterns, one to a line, and in the last line a path.
pub fn path_matching(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines: Vec<_> = text.lines().collect();
    let Some(path) = lines.pop() else { return };
    if text.len() > BYTES_MAX || !path.starts_with('/') || path.contains(['?', '#']) {
        return;
    }
    let mut patterns: Vec<&str> = Vec::new();
    for line in lines.into_iter().filter(|line| paywall(&[line]).is_some()).take(5) {
        let twice = paywall(&patterns.iter().copied().chain([line]).collect::<Vec<_>>()).is_none();
        if !twice {
            patterns.push(line);
        }
    }
    let Ok(request) = Request::get(path).header("host", "shop.example").body(Full::new(Bytes::new())) else {
        return;
    };
    if request.uri().path() != path || patterns.is_empty() {
        return;
    }
    judged(&patterns, path, request);
}

/// What the paywall made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    Free,
    Unclear,
    /// Priced by this route, at this normal path, with these parameters.
    Priced(usize, String, Vec<(String, String)>),
}

fn judged(patterns: &[&str], path: &str, request: Request<Full<Bytes>>) {
    let look = look(patterns, request);
    let routes: Vec<_> = patterns.iter().map(|pattern| Route::new(pattern)).collect();
    let plain = servers::best(&routes, &servers::plain(path));
    let readings: Vec<_> = servers::all(path).iter().map(|reading| servers::best(&routes, reading)).collect();
    match &look {
        Look::Free => {
            assert_eq!(plain, None, "{path} gets past");
            assert!(readings.iter().all(Option::is_none), "{path}: some server would not take it for free");
        }
        Look::Priced(route, normal, _) => {
            assert_eq!(plain, Some(*route), "{path}");
            let others = readings.iter().flatten().find(|other| *other != route);
            assert_eq!(others, None, "{path} pays for one route and reaches another");
            let again = Request::get(normal.as_str()).header("host", "shop.example");
            let again = again.body(Full::new(Bytes::new())).expect("a normal path is a path");
            assert_eq!(self::look(patterns, again), look, "a normal path is its own normal path");
        }
        Look::Unclear => {
            let ordinary = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'~');
            assert!(!path.bytes().all(ordinary) || path.contains("//"), "{path} can be read in one way only");
        }
    }
}

type Seen = Arc<Mutex<Option<Look>>>;

fn look(patterns: &[&str], request: Request<Full<Bytes>>) -> Look {
    let (paywall, seen) = paywall(patterns).expect("it was built before");
    let behind = tower::service_fn(|_: Request<Full<Bytes>>| -> BoxFuture<'static, _> {
        Box::pin(async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) })
    });
    let answer = RUNTIME.with(|runtime| runtime.block_on(paywall.layer(behind).oneshot(request)));
    let status = answer.expect("infallible").status();
    let seen = seen.lock().expect("no panics above").take();
    match (status, seen) {
        (StatusCode::OK, None) => Look::Free,
        (StatusCode::BAD_REQUEST, None) => Look::Unclear,
        (StatusCode::INTERNAL_SERVER_ERROR, Some(look)) => look,
        (status, seen) => panic!("{status} with {seen:?}"),
    }
}

/// A paywall whose prices tell which route was taken, and then fail.
fn paywall(patterns: &[&str]) -> Option<(Paywall, Seen)> {
    let seen = Seen::default();
    let gate = SHOP.with(|shop| Arc::clone(shop.borrow_mut().get_or_insert_with(crate::shop::gate)));
    let mut builder: PaywallBuilder = Paywall::builder(gate);
    for (at, pattern) in patterns.iter().enumerate() {
        let seen = Arc::clone(&seen);
        let tell = Priced::by(vec![crate::shop::rail()], move |question| {
            let look = Look::Priced(at, question.path.clone(), question.params.clone());
            *seen.lock().expect("no panics above") = Some(look);
            Err(Error::us(Code::Internal))
        });
        builder = builder.route(Method::GET, pattern, tell);
    }
    Some((builder.build().ok()?, seen))
}
