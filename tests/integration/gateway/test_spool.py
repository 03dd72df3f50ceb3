"""The spool survives a kill at any point: what arrived is there, once, and goes on."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from mri_gateway.spool import Spool, SpoolFull


def names(spool: Spool) -> list[str]:
    (study,) = spool.ready()
    with zipfile.ZipFile(study.archive) as archive:
        return archive.namelist()


def test_study_is_packed_once_it_is_quiet(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.receive("1.2", f"1.2.{number}", b"object")

    assert spool.pack_quiet(60) == []
    assert len(spool.pack_quiet(0)) == 1

    assert len(names(spool)) == 3
    assert spool.counts() == {"incoming": 0, "ready": 1, "sent": 0, "done": 0, "dead": 0}


def test_two_studies_are_two_archives_and_no_name_is_a_uid(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.receive("1.2.3", "1.2.3.1", b"a")
    spool.receive("1.2.4", "1.2.4.1", b"b")
    spool.pack_quiet(0)

    assert len(spool.ready()) == 2
    assert not [path for path in tmp_path.rglob("*") if "1.2" in path.name]


def test_object_sent_twice_is_one_and_the_same_study_has_the_same_content(tmp_path: Path) -> None:
    contents = []
    for folder in ("a", "b"):
        spool = Spool(tmp_path / folder)
        for number in (2, 1, 2):
            spool.receive("1.2", f"1.2.{number}", b"object %d" % number)
        spool.pack_quiet(0)
        (study,) = spool.ready()
        contents.append(study.content)

    assert contents[0] == contents[1]


def test_full_disk_refuses_and_leaves_nothing_half(tmp_path: Path) -> None:
    spool = Spool(tmp_path, least_free_bytes=1000, free_bytes=lambda _: 1500)
    spool.receive("1.2", "1.2.1", bytes(400))

    with pytest.raises(SpoolFull):
        spool.receive("1.2", "1.2.2", bytes(600))

    assert spool.holds("1.2.1")
    assert not spool.holds("1.2.2")
    assert not list(tmp_path.rglob("*.part"))


def test_what_was_sent_is_still_answered_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.receive("1.2", "1.2.1", b"object")
    spool.pack_quiet(0)
    assert spool.holds("1.2.1")
    (study,) = spool.ready()
    spool.sent(study, "job-1")
    assert list(spool.waiting()) == [(study.name, "job-1")]
    spool.done(study.name, "returned")

    assert spool.holds("1.2.1")
    assert not spool.holds("1.2.2")
    assert spool.counts() == {"incoming": 0, "ready": 0, "sent": 0, "done": 1, "dead": 0}


_WRITER = """
import sys
from pathlib import Path
from mri_gateway.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(100_000):
    spool.receive("1.2", f"1.2.{number}", bytes(20_000))
    print(number, flush=True)
    if number % 7 == 6:
        spool.pack_quiet(0)
"""


def test_nothing_that_was_answered_for_is_lost_by_a_kill(tmp_path: Path) -> None:
    """A process that receives and packs is killed at ten moments; the next goes on."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    answered = 0
    for moment in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / str(moment))],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert process.stdout is not None
        for _ in range(2 + 3 * moment):
            assert process.stdout.readline()
        time.sleep(0.0007 * moment)
        process.kill()
        count = 2 + 3 * moment + len(process.stdout.read().split())
        process.wait()

        spool = Spool(tmp_path / str(moment))

        assert not list((tmp_path / str(moment)).rglob("*.part"))
        for number in range(count):
            assert spool.holds(f"1.2.{number}"), number
        answered += count
    assert answered > 150
