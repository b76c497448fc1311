//! Child processes that end in time.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a program on `input` until it ends and gives back what it printed. Its errors go to standard error.
///
/// # Errors
/// It is missing, fails, prints something that is not UTF-8, or is not done within `limit`; then it is killed.
pub(crate) fn run(mut command: Command, input: String, limit: Duration) -> io::Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| io::Error::other(format!("{name}: {error}")))?;
    let (mut stdin, mut stdout) = match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => (stdin, stdout),
        _ => return Err(io::Error::other(format!("{name}: no pipes"))),
    };
    thread::scope(|scope| {
        // A program that ends before it has read everything has its own reasons, and says them.
        scope.spawn(move || stdin.write_all(input.as_bytes()).ok());
        let output = scope.spawn(move || {
            let mut said = String::new();
            stdout.read_to_string(&mut said).map(|_| said)
        });
        let ended = end(&mut child, limit);
        let said = output.join().map_err(|_| io::Error::other("a reader panicked"))?;
        match ended? {
            true => said,
            false => Err(io::Error::other(format!("{name} failed; its errors are above"))),
        }
    })
}

/// Whether it ended well.
fn end(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("not done within {} s", limit.as_secs())));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &str, limit_ms: u64) -> io::Result<String> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        run(command, input.to_owned(), Duration::from_millis(limit_ms))
    }

    #[test]
    fn more_than_a_pipe_holds_goes_through() {
        let much = "x".repeat(1 << 20);
        assert_eq!(shell("cat", &much, 60_000).unwrap(), much);
    }

    #[test]
    fn one_that_fails_and_one_that_hangs_are_errors() {
        assert!(shell("echo half; exit 3", "", 60_000).unwrap_err().to_string().contains("failed"));
        let error = shell("exec sleep 600", "", 50).unwrap_err();
        assert!(error.to_string().contains("not done"), "{error}");
        assert!(run(Command::new("no-such-program"), String::new(), Duration::ZERO).is_err());
    }
}
