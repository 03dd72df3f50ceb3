"""A MariaDB server of our own: its own data folder, its own port, gone afterwards."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

_START_LIMIT_S = 60


class MariaDb:
    """One server on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # As root the server wants to be told that root is meant.
        self._user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [
                _program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={folder}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *self._user,
            ],
            check=True,
            capture_output=True,
        )

    def url(self, database: str) -> str:
        """SQLAlchemy address of a database."""
        return f"mysql+pymysql://root@127.0.0.1:{self._port}/{database}?charset=utf8mb4"

    def start(self) -> None:
        """Start, and return when the server answers."""
        self._process = subprocess.Popen(
            [
                _program("mariadbd"),
                "--no-defaults",
                f"--datadir={self._folder}",
                f"--port={self._port}",
                "--bind-address=127.0.0.1",
                f"--socket={self._folder / 'mariadb.sock'}",
                f"--pid-file={self._folder / 'mariadb.pid'}",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=2",
                *self._user,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_LIMIT_S
        while True:
            try:
                self._connect().close()
                return
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """Kill the server, as a failover does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """No server inside the block; it is back afterwards, whatever happens."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def create(self, database: str) -> str:
        """Create an empty database; answer its address."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {database}")
            cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        return self.url(database)

    def _connect(self) -> "pymysql.Connection":
        return pymysql.connect(host="127.0.0.1", port=self._port, user="root")


def _program(name: str) -> str:
    path = os.pathsep.join(
        (os.environ["PATH"], "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")
    )
    found = shutil.which(name, path=path)
    if found is None:
        pytest.fail(f"{name} is missing: run scripts/install_mariadb.sh")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    server.start()
    yield server
    server.stop()
