//! The terminal as single keys need it: a key comes without Enter, and is not shown.

use std::mem::MaybeUninit;

/// Until it is dropped. Ctrl-C and Ctrl-Z mean what they always do.
pub(super) struct SingleKeys {
    before: libc::termios,
}

impl SingleKeys {
    /// None where the standard input is no terminal, or that of another job: one in the background has no keys.
    #[expect(unsafe_code, reason = "the C library's terminal has no safe way in, and a crate for it is a large one")]
    pub(super) fn of_input() -> Option<Self> {
        let mut before = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: tcgetattr fills the whole of it when it gives 0; the other two only ask.
        let before = unsafe {
            let is_ours = libc::tcgetpgrp(libc::STDIN_FILENO) == libc::getpgrp();
            (is_ours && libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) == 0).then(|| before.assume_init())
        }?;
        let mut single = before;
        single.c_lflag &= !(libc::ICANON | libc::ECHO);
        single.c_cc[libc::VMIN] = 1;
        single.c_cc[libc::VTIME] = 0;
        set(&single).then_some(Self { before })
    }
}

impl Drop for SingleKeys {
    fn drop(&mut self) {
        set(&self.before);
    }
}

#[expect(unsafe_code, reason = "the C library's terminal has no safe way in, and a crate for it is a large one")]
fn set(modes: &libc::termios) -> bool {
    // SAFETY: it only reads what it is given.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes) == 0 }
}
