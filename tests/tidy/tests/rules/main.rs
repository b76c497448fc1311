//! The rules themselves, each tried on made-up input that breaks it and on input that does not.

mod arrows;
mod made_up;
mod manifests;
mod outsider;
mod secrets;
mod sources;
mod words;
