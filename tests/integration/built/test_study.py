"""A study runs through the built artefacts: nothing of the sources is needed, or seen."""

import re
import sys
import sysconfig
from pathlib import Path

import pytest

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.keys import StudyKeys
from tests.integration.built.conftest import Build
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain

_LOADED = re.compile(r"^# (?:code object from|extension module '[^']*' loaded from) '?([^']+)'?$")
_RUNTIME = {
    # what Lambda's runtime brings, here in .venv
    *("awslambdaric", "runtime_client", "snapshot_restore_py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil"),
    # what starts Python from .venv
    *("_distutils_hack", "__pycache__"),
    # botocore, nibabel and Mako look for these and do without; `make deploy-emulated` runs without
    *("certifi", "scipy", "pygments"),
    # pydicom looks for these, to unpack voxels: dcm2niix does that here
    *("PIL", "pylibjpeg", "openjpeg", "_openjpeg", "jpeg_ls", "_CharLS"),
}


@pytest.fixture(scope="module")
def study(built_chain: Chain) -> tuple[StudyKeys, Job]:
    keys = built_chain.put(as_upload(small_brain()))
    return keys, built_chain.ended(keys)


def test_built_functions_analyse_a_study(built_chain: Chain, study: tuple[StudyKeys, Job]) -> None:
    keys, job = study

    assert job.status is JobStatus.COMPLETED, job.error
    assert built_chain.document(keys, "report.json")["key_findings"]


@pytest.fixture(scope="module")
def answers(built_chain: Chain, study: tuple[StudyKeys, Job]) -> dict[str, bytes]:
    """What each function says to an empty event, after the study: each has been imported."""
    functions = built_chain.stack.functions
    return {name: built_chain.stack.invoke(name, {}).payload for name in functions}


def test_every_function_can_be_imported(answers: dict[str, bytes], for_here: Build) -> None:
    assert answers.keys() == for_here.functions.keys()
    assert {n: a for n, a in answers.items() if b"Runtime.ImportModuleError" in a} == {}


def test_functions_load_the_build_and_what_lambda_brings(
    built_chain: Chain, answers: dict[str, bytes], for_here: Build
) -> None:
    foreign = {path for path in loaded_files(built_chain) if not may_be_loaded(path, for_here)}

    assert sorted({path.parent.name for path in foreign}) == []


def test_shared_code_comes_from_the_built_layer(
    built_chain: Chain, answers: dict[str, bytes], for_here: Build
) -> None:
    layer = for_here.functions["StartAnalysisFunction"][1]
    ours = {path for path in loaded_files(built_chain) if "mri_analysis" in path.parts}

    assert ours
    assert all(path.is_relative_to(layer) for path in ours)


def may_be_loaded(path: Path, build: Build) -> bool:
    packages = Path(sysconfig.get_path("purelib"))
    if path.is_relative_to(packages):
        return path.relative_to(packages).parts[0].partition(".")[0] in _RUNTIME
    return path.is_relative_to(build.folder) or path.is_relative_to(sys.base_prefix)


def loaded_files(chain: Chain) -> set[Path]:
    """Files of all modules that the functions have loaded (PYTHONVERBOSE)."""
    lines = (
        line
        for spec in chain.stack.functions.values()
        for line in chain.stack.log(spec.name).splitlines()
    )
    return {Path(match[1]) for line in lines if (match := _LOADED.match(line))}
