"""Servers on loopback for tests: started as a user would start them, and ended with all their children."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request


@contextlib.contextmanager
def serve(*command, cwd, ready, timeout=90, **env):
    """`python -m COMMAND... --host 127.0.0.1 --port P`; its address, once a GET of `ready` answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env |= {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}  # MLflow calls uvicorn by name
    command = [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", str(port)]
    with open(cwd / "server.log", "w+") as log:
        server = subprocess.Popen(
            command, cwd=cwd, env=os.environ | env, stdout=log, stderr=log, start_new_session=True
        )
        try:
            for _ in range(4 * timeout):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}"):
                    break
                assert server.poll() is None, (cwd / "server.log").read_text()
                time.sleep(0.25)
            else:
                raise AssertionError(f"no answer in {timeout} s:\n{(cwd / 'server.log').read_text()}")
            yield f"http://127.0.0.1:{port}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
