use crate::{Item, Verdict, child, python, sdk};
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The key that every SDK here pays and settles with: 32 times the byte 7. Worthless anywhere else.
pub const KEY: [u8; 32] = [7; 32];
/// The moment at which every SDK here believes to be, in seconds.
pub const NOW: u64 = 1_800_000_000;

/// A program needs two seconds; a machine that compiles beside it needs more.
const PROGRAM: Duration = Duration::from_secs(120);
const INSTALL: Duration = Duration::from_secs(600);

/// One SDK of somebody else, unmodified, on a clock and with dice that stand still.
#[derive(Debug)]
pub struct Sdk {
    /// What it is called.
    pub name: &'static str,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Reference { home: PathBuf },
    Python { python: PathBuf },
}

impl Sdk {
    /// `@x402/*` from npm. Fetched the first time.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub fn reference() -> io::Result<Self> {
        let (sender, done) = mpsc::channel();
        // npm is not ours to kill when it hangs, so it is left behind.
        thread::spawn(move || sender.send(sdk::install()));
        let home = done.recv_timeout(INSTALL).map_err(|_| io::Error::other("npm takes too long"))??;
        Ok(Self { name: "reference", kind: Kind::Reference { home } })
    }

    /// `x402` from PyPI. Fetched the first time.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub fn python() -> io::Result<Self> {
        Ok(Self { name: "python", kind: Kind::Python { python: python::install(python::REQUIREMENTS)? } })
    }

    /// Everything that it says, in every role.
    ///
    /// # Errors
    /// The program fails, or does not end.
    pub fn emit(&self) -> io::Result<Vec<Item>> {
        let said = child::run(self.program("emit"), String::new(), PROGRAM)?;
        Ok(serde_json::from_str(&said)?)
    }

    /// What it says to each job: `{do: "read", item}`, `{do: "match", asked, item}`, or
    /// `{do: "verify", item, requirements}`.
    ///
    /// # Errors
    /// The program fails, or does not end.
    pub fn check(&self, jobs: &[Value]) -> io::Result<Vec<Verdict>> {
        let said = child::run(self.program("check"), serde_json::to_string(jobs)?, PROGRAM)?;
        Ok(serde_json::from_str(&said)?)
    }

    fn program(&self, name: &str) -> Command {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = match &self.kind {
            Kind::Reference { home } => {
                let mut node = Command::new("node");
                node.env("TOLLWAY_SDK", home).env("NODE_ENV", "production");
                node.arg(here.join("js").join(name).with_extension("mjs"));
                node
            }
            Kind::Python { python } => {
                let mut python = Command::new(python);
                // No bytecode: it would be written into the tree.
                python.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
                // The order of its sets.
                python.env("PYTHONHASHSEED", "0");
                python.arg(here.join("python").join(name).with_extension("py"));
                python
            }
        };
        let key: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        command.env("TOLLWAY_FIXED", json!({"key": format!("0x{key}"), "now": NOW}).to_string());
        command
    }
}
