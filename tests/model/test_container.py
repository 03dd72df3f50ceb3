"""The container holds what was pinned and tested, and nothing a resolver chose later."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "models" / "segmentation"


def test_the_container_installs_the_pinned_requirements() -> None:
    # Given the Dockerfile's one installation
    (install,) = re.findall(r"^RUN pip install .*$", (FOLDER / "Dockerfile").read_text(), re.M)

    # Then it takes the locked file, checks its hashes and resolves nothing
    assert "-r /tmp/requirements.txt" in install
    assert "--require-hashes" in install
    assert "--no-deps" in install


def test_every_requirement_is_pinned_with_a_hash() -> None:
    named = (FOLDER / "requirements.in").read_text().splitlines()
    pinned = re.findall(
        r"^([a-z0-9-]+)==\S+[^\n]*\\\n +--hash=sha256:",
        (FOLDER / "requirements.txt").read_text(),
        re.M,
    )
    assert {name for name in named if name and not name.startswith("#")} <= set(pinned)
