use super::depth;
use base64_simd::{AsOut, STANDARD, STANDARD_NO_PAD};
use std::mem::MaybeUninit;
use std::sync::Arc;
use tollway_core::{Code, Error, Json, Result};

/// Texts of at most this many bytes are decoded on the stack: nearly every payment, and challenges of up to some two dozen
/// entries.
const STACK_BYTES: usize = 8192;

/// Padded standard base64 of a JSON text.
pub fn encode(json: &Json) -> String {
    STANDARD.encode_to_string(json.as_str())
}

/// Reads base64 JSON of at most `max_bytes` (encoded) and `max_depth` levels.
///
/// # Errors
/// [`Code::TooLarge`] for size and depth, [`Code::InvalidHeader`] for base64 and UTF-8, [`Code::InvalidPayload`] for
/// JSON.
pub fn decode(text: &[u8], max_bytes: usize, max_depth: usize) -> Result<Json> {
    with_text(text, max_bytes, |text| {
        depth::check(text.as_bytes(), max_depth)?;
        Json::parse(text)
    })
}

/// Reads a plain JSON body of at most `max_bytes` and `max_depth` levels.
///
/// # Errors
/// [`Code::TooLarge`] for size and depth, [`Code::InvalidPayload`] for UTF-8 and JSON.
pub fn parse(body: &[u8], max_bytes: usize, max_depth: usize) -> Result<Json> {
    fits(body, max_bytes)?;
    depth::check(body, max_depth)?;
    let text =
        std::str::from_utf8(body).map_err(|_| Error::payer(Code::InvalidPayload).detail("not UTF-8"))?;
    Json::parse(text)
}

/// Decodes, checks UTF-8, and hands the text on in the one allocation that it is kept in. How deep it nests is for `then`
/// to check.
pub(super) fn with_text<T>(
    text: &[u8],
    max_bytes: usize,
    then: impl FnOnce(Arc<str>) -> Result<T>,
) -> Result<T> {
    fits(text, max_bytes)?;
    if text.len() <= STACK_BYTES {
        let mut buffer = [MaybeUninit::<u8>::uninit(); STACK_BYTES];
        then(shared(decoded(text, &mut buffer)?)?)
    } else {
        let mut buffer = Vec::<u8>::with_capacity(text.len());
        then(shared(decoded(text, buffer.spare_capacity_mut())?)?)
    }
}

fn shared(bytes: &[u8]) -> Result<Arc<str>> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::payer(Code::InvalidHeader).detail("base64 of something that is not UTF-8"))?;
    Ok(text.into())
}

/// `buffer` is at least as long as `text`, which is more than its decoded form takes.
fn decoded<'b>(text: &[u8], buffer: &'b mut [MaybeUninit<u8>]) -> Result<&'b [u8]> {
    let engine = if text.ends_with(b"=") { &STANDARD } else { &STANDARD_NO_PAD };
    match engine.decode(text, buffer.as_out()) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(Error::payer(Code::InvalidHeader).detail("not standard base64")),
    }
}

fn fits(text: &[u8], max_bytes: usize) -> Result<()> {
    if text.len() <= max_bytes {
        return Ok(());
    }
    Err(Error::payer(Code::TooLarge).detail(format!("{} bytes; at most {max_bytes} are read", text.len())))
}
