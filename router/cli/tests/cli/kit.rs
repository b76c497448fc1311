//! Running the command: once, or until Ctrl-C.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// The command in this folder, without anything from the tester's own environment.
pub(crate) fn tollway(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollway"));
    for (name, _) in std::env::vars_os() {
        let own = name.to_str().is_some_and(|n| n.starts_with("TOLLWAY_") && n != "TOLLWAY_CACHE");
        if own || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.args(arguments).current_dir(home).stdin(Stdio::null());
    command
}

/// How a command ended, and what it said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n--- stdout\n{}--- stderr\n{}---", self.code, self.out, self.err)
    }
}

impl Said {
    /// It ended with this code, and standard error has each of these words.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:?}");
        }
        assert!(self.err.ends_with('\n'), "{self:?}");
    }

    /// It ended well; returns what it printed.
    #[track_caller]
    pub(crate) fn good(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert!(self.out.is_empty() || self.out.ends_with('\n'), "{self:?}");
        &self.out
    }

    /// It printed one JSON value and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_str(self.good()) {
            Ok(value) => value,
            Err(e) => panic!("{e}: {self:?}"),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Outcome<Said> {
    Running::start(command)?.end()
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().ok_or("no stdout")?, &out),
            collect(child.stderr.take().ok_or("no stderr")?, &err),
        ];
        Ok(Self { child, out, err, readers })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until standard output has a line that begins so, and returns its rest.
    pub(crate) fn hear(&self, beginning: &str) -> Outcome<String> {
        let limit = Instant::now() + LIMIT;
        while Instant::now() < limit {
            let said = read(&self.out);
            let whole = said.rfind('\n').map_or("", |end| &said[..end]);
            if let Some(rest) = whole.lines().find_map(|line| line.strip_prefix(beginning)) {
                return Ok(rest.to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("no {beginning:?} in {:?} {:?}", read(&self.out), read(&self.err)).into())
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(self) -> Outcome<Said> {
        self.signal("-INT")?;
        self.end()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) -> Outcome {
        Command::new("kill").args([name, &self.pid().to_string()]).status()?;
        Ok(())
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Outcome<Said> {
        let limit = Instant::now() + LIMIT;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > limit => return Err("it does not end".into()),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        for reader in self.readers.drain(..) {
            reader.join().map_err(|_| "a reader panicked")?;
        }
        Ok(Said { code: status.code(), out: read(&self.out), err: read(&self.err) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read(text: &Mutex<String>) -> String {
    text.lock().map(|text| text.clone()).unwrap_or_default()
}

fn collect(mut pipe: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        let mut rest = Vec::new();
        while let Ok(n @ 1..) = pipe.read(&mut bytes) {
            rest.extend_from_slice(&bytes[..n]);
            // A chunk may end within a character.
            let whole = std::str::from_utf8(&rest).map_or_else(|e| e.valid_up_to(), str::len);
            let text: Vec<u8> = rest.drain(..whole).collect();
            if let Ok(mut into) = into.lock() {
                into.push_str(&String::from_utf8_lossy(&text));
            }
        }
    })
}

/// Every process below this one.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let mut parents = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        // The name in it may hold spaces and parentheses; what follows the last one does not.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        if let Some(parent) = fields.split(' ').nth(1).and_then(|p| p.parse::<u32>().ok()) {
            parents.insert(child, parent);
        }
    }
    let below = |mut child: u32| {
        while let Some(parent) = parents.get(&child) {
            if *parent == pid {
                return true;
            }
            child = *parent;
        }
        false
    };
    parents.keys().copied().filter(|child| below(*child)).collect()
}

/// Waits until all of these processes are gone.
#[track_caller]
pub(crate) fn all_gone(pids: &[u32]) {
    let runs = |pid: &&u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    };
    let limit = Instant::now() + Duration::from_secs(5);
    while pids.iter().any(|pid| runs(&pid)) {
        assert!(Instant::now() < limit, "orphans: {:?}", pids.iter().filter(runs).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(10));
    }
}
