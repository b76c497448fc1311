use std::fmt;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head of a request.
const HEAD_MAX: usize = 64 * 1024;
/// The longest body of a request.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// A request as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Heard {
    /// `POST`, `GET`.
    pub method: String,
    /// With the query, as it stood in the first line.
    pub path: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// Shows sizes only: headers may hold tokens, bodies authorizations.
impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, headers, body } = self;
        write!(f, "Heard({method} {path}, {} headers, {} bytes)", headers.len(), body.len())
    }
}

impl Heard {
    /// The first header of that name, which is compared in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }
    /// The path without its query.
    pub fn route(&self) -> &str {
        self.path.split_once('?').map_or(&self.path, |(route, _)| route)
    }

    /// Reads one request; `None` when the peer left before it said anything.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > HEAD_MAX {
                return Err(bad("the head is too long"));
            }
            if from.read_buf(&mut bytes).await? == 0 {
                return if bytes.is_empty() { Ok(None) } else { Err(bad("cut in the head")) };
            }
        };
        let mut body = bytes.split_off(end.saturating_add(4));
        let mut heard = Self::parse(bytes.get(..end).unwrap_or_default())?;
        let length = heard.header("content-length").map_or(Ok(0), |n| n.trim().parse::<usize>());
        let length = length.map_err(|_| bad("content-length"))?;
        if length > BODY_MAX || heard.header("transfer-encoding").is_some() {
            return Err(bad("only bodies of a known length are read, up to 16 MiB"));
        }
        while body.len() < length {
            if from.read_buf(&mut body).await? == 0 {
                return Err(bad("cut in the body"));
            }
        }
        body.truncate(length);
        heard.body = body;
        Ok(Some(heard))
    }

    fn parse(head: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(head).map_err(|_| bad("not UTF-8"))?;
        let (first, rest) = text.split_once("\r\n").unwrap_or((text, ""));
        let mut words = first.split(' ');
        let (Some(method), Some(path), Some(_)) = (words.next(), words.next(), words.next()) else {
            return Err(bad("the first line"));
        };
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers = rest.lines().filter_map(header).collect();
        Ok(Self { method: method.to_owned(), path: path.to_owned(), headers, body: Vec::new() })
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
