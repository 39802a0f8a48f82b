//! The program `engine`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::cli::main()
}
