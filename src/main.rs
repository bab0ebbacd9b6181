//! Parse, dispatch, exit code: 0 done, 1 it failed, 2 the call was wrong.

use std::process::ExitCode;

fn main() -> ExitCode {
    servers::cli::main()
}
