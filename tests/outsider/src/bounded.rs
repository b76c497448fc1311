//! A program that is not waited for without end.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Runs it and returns what it printed. What it started ends with it when time is over.
pub(crate) fn run(mut command: Command, logs: &Path, patience: Duration) -> Result<String, String> {
    let log = logs.join("output.log");
    let open = |e: std::io::Error| format!("{}: {e}", log.display());
    // A file, not a pipe: nobody has to empty it.
    let out = File::create(&log).map_err(open)?;
    command.stderr(out.try_clone().map_err(open)?).stdout(out).stdin(std::process::Stdio::null());
    let mut child = command.process_group(0).spawn().map_err(|e| format!("{command:?}: {e}"))?;
    let ended = wait(&mut child, Instant::now() + patience);
    let said = String::from_utf8_lossy(&std::fs::read(&log).map_err(open)?).into_owned();
    match ended {
        Ok(true) => Ok(said),
        Ok(false) => Err(format!("{command:?} failed:\n{said}")),
        Err(why) => Err(format!("{command:?}: {why}\n{said}")),
    }
}

fn wait(child: &mut Child, until: Instant) -> Result<bool, String> {
    loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            return Ok(status.success());
        }
        if Instant::now() >= until {
            // Its whole group: a compiler or a test that it has started would go on without it.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = child.wait();
            return Err("took too long".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
