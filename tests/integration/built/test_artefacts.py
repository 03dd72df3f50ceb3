"""The built folders: right wheels for Lambda and for here, small, nothing that is not needed."""

import importlib.machinery
import re
import struct
from pathlib import Path

from tests.integration.built.conftest import Build

_UNZIPPED_LIMIT_BYTES = 150 * 1024 * 1024
_LARGE_LIMITS_BYTES = {"ExportResultsFunction": 236 * 1024 * 1024}
"""Lambda takes 250 MiB; the setter of PDFs alone has 81 of them."""
_X86_64 = 62
"""e_machine of an ELF header (elf.h)."""
_GLIBC_OF_LAMBDA = (2, 34)
"""Amazon Linux 2023, on which the python3.13 runtime stands."""
_BROUGHT_BY_LAMBDA = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3"}


def binaries(build: Build) -> list[Path]:
    return sorted(path for path in build.folder.rglob("*.so*") if path.is_file())


def modules(build: Build) -> list[Path]:
    """Extension modules, without the libraries that wheels carry for them in ``*.libs``."""
    return [path for path in binaries(build) if not path.parent.name.endswith(".libs")]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_compiled_packages_are_there(for_lambda: Build) -> None:
    names = {path.name.split(".")[0] for path in modules(for_lambda)}

    assert {"_pydantic_core", "_multiarray_umath"} <= names


def test_extension_modules_are_for_lambdas_python(for_lambda: Build) -> None:
    version = for_lambda.python.removeprefix("cp")
    suffixes = (f".cpython-{version}-x86_64-linux-gnu.so", ".abi3.so")

    assert version == "313"
    assert [p.name for p in modules(for_lambda) if not p.name.endswith(suffixes)] == []


def test_binaries_are_for_lambdas_machine_and_system(for_lambda: Build) -> None:
    for path in binaries(for_lambda):
        content = path.read_bytes()
        wanted = {tuple(map(int, v.split(b"."))) for v in re.findall(rb"GLIBC_(2\.\d+)", content)}

        assert content[:5] == b"\x7fELF\x02", path
        assert struct.unpack_from("<H", content, 18) == (_X86_64,), path
        assert max(wanted, default=(0, 0)) <= _GLIBC_OF_LAMBDA, path


def test_wheels_are_for_lambda(for_lambda: Build) -> None:
    tags = {
        line.removeprefix("Tag: ")
        for wheel in for_lambda.folder.rglob("*.dist-info/WHEEL")
        for line in wheel.read_text().splitlines()
        if line.startswith("Tag: ")
    }
    pure = re.compile(r"py(2|3)-none-any")
    compiled = re.compile(
        rf"cp3\d+-({for_lambda.python}|abi3)-manylinux(1|2010|2014|_2_\d+)_x86_64"
    )

    assert any(compiled.fullmatch(tag) for tag in tags)
    assert [tag for tag in tags if not pure.fullmatch(tag) and not compiled.fullmatch(tag)] == []


def test_extension_modules_are_for_the_interpreter_at_hand(for_here: Build) -> None:
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)

    assert modules(for_here)
    assert [p.name for p in modules(for_here) if not p.name.endswith(suffixes)] == []


def test_function_with_its_layers_is_small(for_lambda: Build) -> None:
    sizes = {name: sum(map(size, folders)) for name, folders in for_lambda.functions.items()}

    assert "PrepareStudyFunction" in sizes
    limits = {name: _LARGE_LIMITS_BYTES.get(name, _UNZIPPED_LIMIT_BYTES) for name in sizes}
    assert {name: taken for name, taken in sizes.items() if taken > limits[name]} == {}


def test_nothing_is_shipped_that_lambda_brings_or_nobody_needs(for_lambda: Build) -> None:
    for folders in for_lambda.functions.values():
        for root in (folders[0], *(layer / "python" for layer in folders[1:])):
            names = {path.name for path in root.iterdir()}
            assert not names & _BROUGHT_BY_LAMBDA, root
            assert not names & {"tests", "bin", "__pycache__", "requirements.txt"}, root
            assert not names & {"grpc", "google", "opensearch", "opensearch_protobufs"}, root


def test_functions_carry_no_copy_of_the_layer(for_lambda: Build) -> None:
    copies = [path for path in for_lambda.folder.rglob("mri_analysis") if path.is_dir()]

    assert [path.parents[1].name for path in copies] == ["SharedLayer"]
