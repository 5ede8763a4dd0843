//! The command: parse, run, exit code; nothing else.

use std::process::ExitCode;

// Webhooks and facts are many small allocations on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mrrd::cli::run()
}
