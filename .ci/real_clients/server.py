"""The server under test: a child process on a port of its own."""

import signal
import subprocess
import threading

from .expect import DEADLINE_S, Unexpected, equal

ANNOUNCEMENT = "listening on "


class Server:
    def __init__(self, binary, model, options):
        self.process = subprocess.Popen(
            [str(binary), "run", model, "--bind", "127.0.0.1:0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        # A server that neither prints its first line nor ends must not block the run.
        watchdog = threading.Timer(DEADLINE_S, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line.startswith(ANNOUNCEMENT):
            self.kill()
            raise Unexpected(f"servers run {model}", f"{ANNOUNCEMENT!r}", line)
        self.url = line.removeprefix(ANNOUNCEMENT).strip()

    def stop(self):
        """Stops it by SIGTERM, as an init system does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise Unexpected("after SIGTERM", f"an end within {DEADLINE_S} s", "none") from None
        equal("exit code after SIGTERM", 0, code)

    def kill(self):
        """Kills it, and by that its children (PR_SET_PDEATHSIG)."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
