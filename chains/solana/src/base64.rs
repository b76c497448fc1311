//! Base64 as nodes speak it.

use tollway_core::{Code, Error, Result};

pub(crate) fn encode(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

pub(crate) fn decode(text: &str) -> Result<Vec<u8>> {
    base64_simd::STANDARD
        .decode_to_vec(text)
        .map_err(|_| Error::network(Code::InvalidAnswer).detail("an answer that is not base64"))
}
