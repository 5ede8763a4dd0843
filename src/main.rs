//! The command: parse, run, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    mrrd::cli::run()
}
