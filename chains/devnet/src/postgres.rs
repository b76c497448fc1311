//! A PostgreSQL server of a test's own, for ledgers that a fleet shares.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{DevnetError, Result};
use crate::toolchain::{self, Progress};

const NAME: &str = "PostgreSQL";
const START_LIMIT: Duration = Duration::from_secs(30);
/// Debian's and most others' user without rights: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// Runs the server and kills it once standard input ends, which it does when this process ends, even by SIGKILL; then
/// removes everything, unless it was told to keep it.
const GUARD: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
server=$!
read -r word <&3
kill -9 $server
wait $server 2>/dev/null
[ "$word" = keep ] || { home=$PWD; cd / && rm -rf "$home"; }"#;
const KEEP: &[u8] = b"keep\n";

/// A running server, reached over a socket in a directory of its own. It and its data are gone when this is dropped, however
/// the program ends.
///
/// The first start fetches the pinned server with npm, 60 MB, and caches it.
///
/// ```no_run
/// let server = tollway_devnet::Postgres::start()?;
/// println!("{}", server.url("postgres"));
/// # Ok::<(), tollway_devnet::DevnetError>(())
/// ```
#[derive(Debug)]
pub struct Postgres {
    running: Option<Running>,
    programs: PathBuf,
    home: TempDir,
}

#[derive(Debug)]
struct Running {
    guard: Child,
    lifeline: Option<ChildStdin>,
}

impl Postgres {
    /// Starts a server with an empty database called `postgres`. Blocks for about two seconds, longer the first time.
    ///
    /// # Errors
    /// A package that cannot be fetched, a server that does not start.
    pub fn start() -> Result<Self> {
        let native = toolchain::postgres(&Progress::default())?;
        let home = tempfile::Builder::new().prefix("tollway-pg-").tempdir().map_err(failed)?;
        let programs = reachable(&native, home.path())?.join("bin");
        let mut server = Self { running: None, programs, home };
        server.make()?;
        server.restart()?;
        Ok(server)
    }

    /// Where a database of this server is, as PostgreSQL's clients take it. There is no password.
    pub fn url(&self, database: &str) -> String {
        let socket = self.home.path().display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    /// Ends the server as a power cut would, with everything that was not on its disk.
    pub fn crash(&mut self) {
        if let Some(lifeline) = self.running.as_mut().and_then(|running| running.lifeline.as_mut()) {
            // A guard that is gone has nothing to keep.
            let _ = lifeline.write_all(KEEP);
        }
        self.running = None;
    }

    /// Starts it again over the same data; a server that runs is crashed first.
    ///
    /// # Errors
    /// A server that does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.crash();
        // A server that was killed leaves these behind.
        for rest in [self.data().join("postmaster.pid"), self.home.path().join(".s.PGSQL.5432.lock")] {
            let _ = std::fs::remove_file(rest);
        }
        let mut command = self.user_command(Path::new("sh"));
        command.arg("-c").arg(GUARD).arg("postgres-guard").arg(self.programs.join("postgres"));
        command.arg("-D").arg(self.data()).arg("-k").arg(self.home.path());
        for setting in
            ["listen_addresses=", "max_connections=200", "shared_buffers=64MB", "log_min_messages=log"]
        {
            command.arg("-c").arg(setting);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut guard = spawned.map_err(failed)?;
        let (lifeline, errors) = (guard.stdin.take(), guard.stderr.take());
        self.running = Some(Running { guard, lifeline });
        match errors {
            Some(errors) => ready(BufReader::new(errors)),
            None => Err(failed("it has no output")),
        }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn make(&self) -> Result<()> {
        #[cfg(unix)]
        if is_root() {
            std::os::unix::fs::chown(self.home.path(), Some(NOBODY), Some(NOBODY)).map_err(failed)?;
        }
        let mut command = self.user_command(&self.programs.join("initdb"));
        command.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        done(command.arg(self.data()).stdin(Stdio::null()))
    }

    /// As nobody where this process is root.
    fn user_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.home.path());
        #[cfg(unix)]
        if is_root() {
            use std::os::unix::process::CommandExt;
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.guard.wait();
    }
}

/// The programs where their user may read them: root's cache is root's alone.
fn reachable(native: &Path, home: &Path) -> Result<PathBuf> {
    if !is_root() {
        return Ok(native.to_owned());
    }
    let copy = home.join("native");
    done(Command::new("cp").arg("-a").arg(native).arg(&copy))?;
    done(Command::new("chown").arg("-R").arg(format!("{NOBODY}:{NOBODY}")).arg(&copy))?;
    Ok(copy)
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(failed)?;
    if output.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&output.stderr))) }
}

#[cfg(unix)]
fn is_root() -> bool {
    // What this process makes belongs to its user.
    use std::os::unix::fs::MetadataExt;
    tempfile::tempfile().and_then(|file| file.metadata()).is_ok_and(|made| made.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Waits until the server says so, then keeps its pipe empty on a thread.
fn ready(errors: impl BufRead + Send + 'static) -> Result<()> {
    let (news, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in errors.lines().map_while(Result::ok) {
            let _ = news.send(line);
        }
    });
    let mut said = Vec::new();
    while let Ok(line) = heard.recv_timeout(START_LIMIT) {
        if line.contains("ready to accept connections") {
            return Ok(());
        }
        said.push(line);
    }
    Err(failed(said.join(" / ")))
}

fn failed(reason: impl std::fmt::Display) -> DevnetError {
    DevnetError::Node { chain: NAME, reason: reason.to_string() }
}
