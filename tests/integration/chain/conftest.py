"""One stack of the whole product for all tests of this folder, on a database server that can be
taken away. The default on one machine, SQLite, is what the end-to-end tests of the command line
run on.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.product import product_stack
from mri_analysis.contracts.job import Job
from mri_analysis.keys import StudyKeys
from tests.support.brains import SAMPLE
from tests.support.chain import Chain
from tests.support.mariadb import MariaDb


# Of the package, not of the session: moto keeps one stack a process, and other folders start
# theirs.
@pytest.fixture(scope="package")
def chain(tmp_path_factory: pytest.TempPathFactory, mariadb: MariaDb) -> Iterator[Chain]:
    stack = product_stack(
        Path.cwd(),
        tmp_path_factory.mktemp("stack"),
        database_url=mariadb.create("chain"),
        # Messages that failed come back after two seconds: dead letters need no minutes.
        redelivery_s=2,
    )
    with stack:
        yield Chain.of(stack)


@pytest.fixture(scope="package")
def sample_study(chain: Chain) -> tuple[StudyKeys, Job]:
    """The sample, analysed once."""
    study = chain.put(SAMPLE.read_bytes())
    return study, chain.ended(study)
