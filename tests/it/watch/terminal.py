"""Drives a watch through a terminal of its own: terminal.py PROGRAM STEP... says what the steps ask for.

wait TEXT      until the watch has said it, since the last wait
key KEYS       strokes
save FILE A B  puts B in place of A; both are the last words of the step, two each
signal NAME    sends one
modes          whether the terminal gives single keys now
end            waits for the end: its code, and whether the terminal is as it was
"""

import fcntl
import os
import pty
import signal
import sys
import termios

program, steps = sys.argv[1], sys.argv[2:]
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for stream in range(3):
        os.dup2(slave, stream)
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
    os.execve(program, [program, "watch"], {**environment, "TERM": "xterm"})
said = b""


def wait(text: bytes) -> None:
    global said
    while text not in said:
        said += os.read(master, 65536)
    said = said.split(text, 1)[1]


for step in steps:
    word, _, rest = step.partition(" ")
    if word == "wait":
        wait(rest.encode())
    elif word == "key":
        os.write(master, rest.encode())
    elif word == "save":
        path, *words = rest.split(" ")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace(" ".join(words[:2]), " ".join(words[2:]))
        with open(path + ".saving", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".saving", path)
    elif word == "signal":
        os.kill(child, getattr(signal, "SIG" + rest))
    elif word == "modes":
        shows = termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)
        print("lines" if shows else "keys alone")
    elif word == "end":
        # What is still said has to be taken, lest the watch waits for its reader.
        os.set_blocking(master, False)
        done = 0
        while not done:
            try:
                os.read(master, 65536)
            except BlockingIOError:
                pass
            done, status = os.waitpid(child, os.WNOHANG)
        print("ended with", os.waitstatus_to_exitcode(status))
        print("as before" if termios.tcgetattr(slave) == before else "changed")
