"""The emulator's process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import local_stack
from emulated_stack.certificate import write_certificate
from local_stack.account import ACCOUNT_ID, CREDENTIALS, REGION

_GUARD = Path(local_stack.__file__).with_name("guarded_child.py")
_PACKAGES = Path(__file__).parents[1]
_READY_LIMIT_S = 60.0


class EmulatorFailed(Exception):
    """MiniStack did not start."""


class Emulator:
    """MiniStack on a free port of this machine; ends with the process that started it.

    It asks IAM about every call: a function may do what its role allows and no more.

    Parameters
    ----------
    python
        Interpreter of the environment that holds MiniStack; it runs the functions too.
    state_dir
        Folder for its log and for all that it writes.
    environment
        Variables of MiniStack and, through it, of every function.
    """

    def __init__(self, python: Path, state_dir: Path, environment: Mapping[str, str]) -> None:
        self._python = python
        self._state_dir = state_dir
        self._environment = environment
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        """Address of all its services."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def certificate(self) -> Path:
        """What a client must trust (``AWS_CA_BUNDLE``)."""
        return self._state_dir / "tls" / "certificate.pem"

    @property
    def log_path(self) -> Path:
        """What it wrote."""
        return self._state_dir / "ministack.log"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises
        ------
        EmulatorFailed
            It is not installed, ended, or did not answer; the message holds the end of its log.
        """
        if not self._python.exists():
            raise EmulatorFailed(f"{self._python} is missing: run `make deploy-emulated`.")
        scratch = self._state_dir / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        write_certificate(self.certificate, self._key)
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [str(self._python), "-P", str(_GUARD), "emulated_stack.launcher"],
                env=self._variables(scratch),
                cwd=scratch,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_LIMIT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-10:])
                self.stop()
                raise EmulatorFailed(f"MiniStack did not start ({self.log_path}):\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and the functions that it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    @property
    def _key(self) -> Path:
        return self.certificate.with_name("key.pem")

    def _answers(self) -> bool:
        address = f"{self.endpoint_url}/_ministack/health"
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        try:
            with urllib.request.urlopen(address, timeout=2, context=trusted):
                return True
        except OSError:
            return False

    def _variables(self, scratch: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            # No home and no temporary folder of the developer: MiniStack keeps files in both.
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "PYTHONPATH": str(_PACKAGES),
            "PYTHONUNBUFFERED": "1",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(self.certificate),
            "MINISTACK_SSL_KEY": str(self._key),
            "LAMBDA_EXECUTOR": "local",
            # MiniStack opens ports for these beside its own.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AWS_ENDPOINT_URL": self.endpoint_url,
            # boto3 trusts the first, what answers CloudFormation the second.
            "AWS_CA_BUNDLE": str(self.certificate),
            "SSL_CERT_FILE": str(self.certificate),
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
            **self._environment,
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
