"""The part of the study page that shows a prior study, with the API in place of which answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mri_analysis.contracts.api import (
    ArtefactDocument,
    ArtefactList,
    PriorStudies,
    PriorStudy,
)
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.segmentation import Measurements, Verdict
from reading_room.views import prior_part
from tests.support.measurements import some_measurements

PRIOR = PriorStudy(
    job_id="5d1f2a7c-prior",
    created_at=datetime(2026, 5, 11, 9, 12, tzinfo=UTC),
    quality=Verdict.PASS,
    review_status=ReviewStatus.SIGNED,
)


class FakeApi:
    """Answers, and remembers what was looked at."""

    def __init__(self) -> None:
        self.listed = PriorStudies(subject_given=True, prior_studies=[PRIOR])
        self.measured: Measurements = some_measurements()
        self.looked: list[str] = []

    def prior_studies(self, job_id: str) -> PriorStudies:
        self.looked.append(f"listed {job_id}")
        return self.listed

    def measurements(self, job_id: str) -> Measurements:
        self.looked.append(f"measurements {job_id}")
        return self.measured

    def artefacts(self, job_id: str) -> ArtefactList:
        self.looked.append(f"artefacts {job_id}")
        montage = ArtefactDocument(
            name="montage.png", content_type="image/png", size_bytes=1, url="https://s3/then.png"
        )
        return ArtefactList(artefacts=[montage], expires_in_seconds=300)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    # Every AppTest is the same session to the cache.
    st.cache_data.clear()
    monkeypatch.setattr(prior_part, "api", lambda: fake)
    return fake


def page() -> None:
    from datetime import UTC, datetime

    from mri_analysis.contracts.api import ArtefactDocument, ArtefactList, JobDocument
    from mri_analysis.contracts.job import JobStatus
    from reading_room.views import prior_part
    from tests.support.measurements import some_measurements

    moment = datetime(2026, 11, 23, tzinfo=UTC)
    job = JobDocument(
        job_id="now",
        status=JobStatus.COMPLETED,
        error=None,
        created_at=moment,
        updated_at=moment,
        review_status=None,
        quality=None,
    )
    montage = ArtefactDocument(
        name="montage.png", content_type="image/png", size_bytes=1, url="https://s3/now.png"
    )
    files = ArtefactList(artefacts=[montage], expires_in_seconds=300)
    prior_part.show(job, some_measurements(), files)


def opened(*, choose: bool = True) -> AppTest:
    app = AppTest.from_function(page).run()
    assert not app.exception
    if choose:
        app.selectbox[0].select_index(0).run()
        assert not app.exception
    return app


def tables(app: AppTest) -> list[str]:
    return [str(element.proto.body) for element in app.get("html")]


def told(app: AppTest) -> str:
    parts: list[Any] = [*app.markdown, *app.warning, *app.error, *app.caption]
    return " ".join(part.value for part in parts).replace("\\", "")


@pytest.mark.parametrize(("count", "told"), [(49, False), (50, True)])
def test_list_that_may_go_on_says_so(api: FakeApi, count: int, told: bool) -> None:
    many = [PRIOR.model_copy(update={"job_id": f"prior-{n}"}) for n in range(count)]
    api.listed = PriorStudies(subject_given=True, prior_studies=many)

    app = AppTest.from_function(page).run()

    assert any("The 50 latest" in caption.value for caption in app.caption) is told


def test_nothing_of_the_prior_is_looked_at_before_it_is_chosen(api: FakeApi) -> None:
    app = opened(choose=False)

    assert "5d1f2a7c · uploaded 2026-05-11 09:12 UTC" in app.selectbox[0].options[0]
    assert api.looked == ["listed now"]
    assert tables(app) == []


def test_chosen_prior_stands_beside_with_changes_and_what_they_do_not_say(api: FakeApi) -> None:
    app = opened()

    volumes, ratios = tables(app)
    assert "Change, mL" in volumes
    assert "Evans index" in ratios
    assert api.looked == ["listed now", *(f"{what} {PRIOR.job_id}" for what in SEEN)]
    for words in ("order is that of the uploads", "not been measured", "Scanner and sequence"):
        assert words in told(app)
    assert not app.warning
    assert [image.proto.imgs[0].url for image in app.get("image")] == [
        "https://s3/then.png",
        "https://s3/now.png",
    ]


SEEN = ("measurements", "artefacts")


def test_another_model_version_leaves_pictures_and_no_figures(api: FakeApi) -> None:
    engine = api.measured.engine.model_copy(update={"version": "0.0.1"})
    api.measured = api.measured.model_copy(update={"engine": engine})

    app = opened()

    assert tables(app) == []
    assert "different versions of the model" in app.error[0].value
    assert len(app.get("image")) == 2


def test_other_quality_and_a_draft_are_warned_of(api: FakeApi) -> None:
    draft = PRIOR.model_copy(update={"review_status": ReviewStatus.DRAFT})
    api.listed = PriorStudies(subject_given=True, prior_studies=[draft])
    api.measured = some_measurements(verdict=Verdict.WARN)

    said = [warning.value for warning in opened().warning]

    assert "not signed" in said[0]
    assert "Quality differs" in said[1]


@pytest.mark.parametrize(
    ("given", "words"), [(False, "No subject was named"), (True, "no earlier completed study")]
)
def test_without_a_prior_the_reason_is_said(api: FakeApi, given: bool, words: str) -> None:
    api.listed = PriorStudies(subject_given=given, prior_studies=[])

    app = opened(choose=False)

    assert words in told(app)
    assert not app.selectbox
