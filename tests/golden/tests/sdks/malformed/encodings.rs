//! What surrounds a message: base64, UTF-8, JSON.

use super::{BOTH, Base64, PYTHON, Raw, Row, payment};

pub(super) fn encodings() -> Vec<Row> {
    vec![
        ("not base64", "challenge", Raw(b"{\"x402Version\":2}"), "invalid_header", BOTH),
        ("url-safe base64", "challenge", Raw(b"eyJlcnJvciI6IsO_w77Dv8O-w78ifQ=="), "invalid_header", BOTH),
        ("too much padding", "challenge", Raw(b"eyJhIjoxfQ="), "invalid_header", BOTH),
        ("one character too many", "payment", Raw(b"eyJhIjoxfQ==e"), "invalid_header", BOTH),
        ("nothing", "payment", Raw(b""), "invalid_payload", BOTH),
        ("not UTF-8", "challenge", Raw(b"//79"), "invalid_header", BOTH),
        ("not JSON", "challenge", Base64("hello".to_owned()), "invalid_payload", BOTH),
        (
            "half of the JSON",
            "payment",
            Base64(payment(r#""payload":{"#).replace("}", "")),
            "invalid_payload",
            BOTH,
        ),
        (
            "JSON and more",
            "payment",
            Base64(format!("{} {{}}", payment(r#""payload":{}"#))),
            "invalid_payload",
            BOTH,
        ),
        ("a list", "challenge", Base64("[2]".to_owned()), "invalid_payload", BOTH),
        ("a string", "payment", Base64("\"2\"".to_owned()), "invalid_payload", BOTH),
        ("null", "payment", Base64("null".to_owned()), "invalid_payload", BOTH),
        ("a list", "receipt", Base64("[true]".to_owned()), "invalid_answer", PYTHON),
        ("not base64", "receipt", Raw(b"{}"), "invalid_header", BOTH),
    ]
}
