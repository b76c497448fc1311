use http::{HeaderMap, HeaderName, HeaderValue};
use tollway_core::{Code, Error, Json, Result};

/// The only value of a header. Two are refused: whoever looks at the first and whoever looks at the last would see
/// different payments.
pub(super) fn single<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::payer(Code::InvalidHeader).detail(format!("{name} stands there more than once")));
    }
    Ok(first)
}

/// Writes a header over whatever is there. `secret` keeps its value out of `Debug` and of header compression.
pub(super) fn set(headers: &mut HeaderMap, name: &'static str, json: &Json, secret: bool) -> Result<()> {
    let mut value = HeaderValue::try_from(super::encode(json))
        .map_err(|_| Error::us(Code::InvalidHeader).detail("too long for a header"))?;
    value.set_sensitive(secret);
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}
