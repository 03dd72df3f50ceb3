"""What a reviewer typed outlives a silent API, a quicker colleague and the end of a sign-in."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from mri_analysis.contracts.review import ReportSections
from mri_analysis.errors import DatabaseUnavailable
from tests.support.scripted_api import ScriptedApi, token
from tests.unit.reading_room.pages.seen import (
    Visit,
    area,
    button,
    compared,
    offered,
    sign_in,
    words,
)

Study = Callable[..., str]
FIRST = "Key findings, sentence 1"
MINE, THEIRS = "Words of mine.", "Words of theirs."


def at_work(visit: Visit, job: str, **who: str) -> AppTest:
    """A reviewer's page with a changed first sentence."""
    app = visit("reviewer", page="study", job=job, **who)
    area(app, FIRST).input(MINE).run()
    return app


def saved_by_another(api: ScriptedApi, job: str) -> None:
    desk = api.desk()
    found = desk.open(job)
    first, *rest = found.sections.key_findings
    theirs = first.model_copy(update={"text": THEIRS})
    sections: ReportSections = found.sections.model_copy(update={"key_findings": [theirs, *rest]})
    desk.revise(job, sections, version=found.version)


def test_words_outlive_a_page_that_a_silent_api_took_away(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    app = at_work(visit, study())

    api.down = True
    app.run()
    assert "The API did not answer" in words(app)
    assert "asks again by itself" in words(app)
    assert not app.text_area
    api.down = False
    app.run()

    assert area(app, FIRST).value == MINE


@pytest.mark.parametrize("silent", [True, False], ids=["no connection", "503"])
def test_words_are_saved_once_the_api_is_back(
    visit: Visit, api: ScriptedApi, study: Study, silent: bool
) -> None:
    job = study()
    app = at_work(visit, job)
    api.down = silent
    if not silent:
        api.refused["PUT .*"] = DatabaseUnavailable("The database is away.")

    button(app, "Save the changes").click().run()
    assert ("The API did not answer" if silent else "The database is away.") in words(app)
    api.down, api.refused = False, {}
    app.run()
    assert area(app, FIRST).value == MINE
    button(app, "Save the changes").click().run()

    assert api.desk().open(job).sections.key_findings[0].text == MINE
    assert "not saved" not in words(app)


def test_nothing_is_signed_that_lacks_words_in_the_fields(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    app = compared(visit("reviewer", page="study", job=job))
    assert "Sign the report" in offered(app)

    # When the press on the button is what leaves the field
    area(app, FIRST).input(MINE)
    button(app, "Sign the report").click().run()

    assert api.desk().open(job).review_status == "draft"
    assert "a signature would not hold them" in words(app)
    button(app, "Discard my changes").click().run()
    assert area(app, FIRST).value != MINE
    button(app, "Sign the report").click().run()
    assert api.desk().open(job).review_status == "signed"


def test_who_saves_second_sees_what_would_be_replaced(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    app = at_work(visit, job)
    saved_by_another(api, job)

    button(app, "Save the changes").click().run()

    assert "The report was changed since it was loaded." in words(app)
    assert "look at what changed" in words(app)
    assert area(app, FIRST).value == MINE
    assert "of ~~theirs.~~ **mine.**" in words(app)
    assert api.desk().open(job).sections.key_findings[0].text == THEIRS

    button(app, "Save mine over it").click().run()

    found = api.desk().open(job)
    assert found.sections.key_findings[0].text == MINE
    assert [revision.author_name for revision in found.revisions] == ["Dr. Other", "Dr. demo-1"]


def test_who_signs_second_is_told_and_keeps_their_words(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    app = at_work(visit, job)
    api.desk().sign(job, version=0)

    button(app, "Save the changes").click().run()

    assert "The report is signed." in words(app)
    assert "Add an addendum to a signed report" in words(app)
    assert "**What you typed is not part of this report**" in words(app)
    assert "Words of mine." in words(app).replace("**", "")
    assert "Save the changes" not in offered(app)
    assert api.desk().open(job).sections.key_findings[0].text != MINE
    button(app, "Discard what I typed").click().run()
    assert "What you typed" not in words(app)


def test_addendum_that_was_refused_is_still_there(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    api.desk().sign(job, version=0)
    app = visit("reviewer", page="study", job=job)
    api.down = True

    area(app, "Addendum").input("Told by phone.")
    button(app, "Add to the signed report").click().run()
    api.down = False
    app.run()
    assert area(app, "Addendum").value == "Told by phone."
    button(app, "Add to the signed report").click().run()

    assert [one.text for one in api.desk().open(job).addenda] == ["Told by phone."]
    assert area(app, "Addendum").value == ""


def test_reason_of_a_rejection_that_came_too_late_is_shown(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    app = visit("reviewer", page="study", job=job)
    api.desk().sign(job, version=0)

    area(app, "Why").input("Wrong patient.")
    button(app, "Reject").click().run()

    assert api.desk().open(job).review_status == "signed"
    assert "Wrong patient." in words(app).replace("**", "")


# ---- the end of a sign-in ------------------------------------------------------------------------


def test_end_of_a_sign_in_is_said_before(visit: Visit, study: Study) -> None:
    job = study()

    assert "Your sign-in ends" not in words(visit("reviewer", page="study", job=job, seconds=3000))
    app = visit("reviewer", page="study", job=job, seconds=200)

    assert "Your sign-in ends in 3 min." in words(app)
    assert "Sign in again" in offered(app)
    assert "Key findings" in words(app)


def expired(app: AppTest) -> AppTest:
    """The same page when its token has run out, and its reader goes to sign in."""
    sign_in(app, token("demo-1", "reviewer", seconds=-1))
    area(app, FIRST).input(MINE).run()
    assert "Your sign-in has run out." in words(app)
    assert not app.text_area
    button(app, "Sign in").click().run()
    return app


def test_new_sign_in_finds_the_words_in_place(visit: Visit, study: Study) -> None:
    job = study()
    expired(visit("reviewer", page="study", job=job))

    # When the same person signs in, which begins a new session
    app = visit("reviewer", page="study", job=job)

    assert area(app, FIRST).value == MINE
    assert "Your changes are not saved" in words(app)


def test_another_person_at_the_browser_gets_none_of_them(visit: Visit, study: Study) -> None:
    job = study()
    expired(visit("reviewer", page="study", job=job))

    app = visit("reviewer", page="study", job=job, subject="demo-2")

    assert area(app, FIRST).value != MINE
    assert MINE not in words(app)
    assert "not saved" not in words(app)
    assert area(visit("reviewer", page="study", job=job), FIRST).value == MINE


def test_another_person_in_the_same_session_gets_neither(visit: Visit, study: Study) -> None:
    app = at_work(visit, study())

    sign_in(app, token("demo-2", "clinician"))
    app.run()

    assert MINE not in words(app)
    assert not any(MINE in str(app.session_state[key]) for key in app.session_state.keys())  # noqa: SIM118


def test_two_tabs_of_one_person_keep_their_own_words(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    first, second = at_work(visit, job), visit("reviewer", page="study", job=job)
    button(second, "Save the changes").click().run()  # what the first typed was offered here

    button(first, "Save the changes").click().run()

    assert "The report was changed since it was loaded." in words(first)
    assert area(first, FIRST).value == MINE


def test_words_of_two_tabs_are_both_there_after_a_new_sign_in(visit: Visit, study: Study) -> None:
    job = study()
    tabs = [visit("reviewer", page="study", job=job) for _ in range(2)]
    for place, tab in enumerate(tabs, 1):
        area(tab, f"Key findings, sentence {place}").input(f"Tab {place}.").run()

    app = visit("reviewer", page="study", job=job)

    for place in (1, 2):
        assert area(app, f"Key findings, sentence {place}").value == f"Tab {place}."
    button(tabs[1], "Discard my changes").click().run()
    app = visit("reviewer", page="study", job=job)
    assert area(app, FIRST).value == "Tab 1."
    assert area(app, "Key findings, sentence 2").value != "Tab 2."


# ---- quotations ----------------------------------------------------------------------------------


def test_quotation_is_removed_and_put_back_word_for_word(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    before = api.desk().open(job).sections.clinical_significance
    app = visit("reviewer", page="study", job=job)
    assert "Its words are its author's and stay." in words(app)

    app.checkbox[0].uncheck().run()
    button(app, "Save the changes").click().run()
    assert api.desk().open(job).sections.clinical_significance == before[1:]
    gone = [one.value for one in app.markdown if one.value.startswith("~~")]
    assert len(gone) == 1

    app.checkbox[0].check().run()
    button(app, "Save the changes").click().run()

    assert api.desk().open(job).sections.clinical_significance == before
    assert "Changes to the draft" not in words(app)


def test_sentence_that_was_removed_is_shown_as_removed_and_no_other(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    job = study()
    app = visit("reviewer", page="study", job=job)

    area(app, FIRST).input("").run()
    button(app, "Save the changes").click().run()

    changed = [one.value for one in app.markdown if "~~" in one.value or one.value == "****"]
    assert len(changed) == 1
    assert changed[0].startswith("~~")
