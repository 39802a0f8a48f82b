//! The program `engine`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    keep_freed_memory();
    engine::cli::main()
}

/// A run frees and takes pages of some megabytes all the time. By default glibc gives each back to the kernel, which then
/// clears it anew: a tenth of a run's CPU time. It ends soon enough, and returns everything then.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library has no safe way to be told")]
fn keep_freed_memory() {
    const MEGABYTES: libc::c_int = 1 << 20;
    // SAFETY: mallopt only sets numbers; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, 512 * MEGABYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * MEGABYTES);
        libc::mallopt(libc::M_TOP_PAD, 32 * MEGABYTES);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_freed_memory() {}
