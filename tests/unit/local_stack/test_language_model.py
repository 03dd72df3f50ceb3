"""``MRI_LLM_URL`` reaches the functions, and a line says where text goes."""

from pathlib import Path

import pytest

from local_stack.language_model import UnusableLanguageModel, from_variables

GIVEN = {"MRI_LLM_URL": "http://127.0.0.1:8000/v1", "MRI_LLM_MODEL": "qwen"}


def test_nothing_set_is_no_model() -> None:
    assert from_variables({}) is None
    assert from_variables({"MRI_LLM_URL": "", "MRI_LLM_MODEL": ""}) is None


@pytest.mark.parametrize("name", ["MRI_LLM_MODEL", "MRI_LLM_API_KEY", "MRI_LLM_CA_FILE"])
def test_a_setting_without_an_address_is_refused_not_ignored(name: str) -> None:
    with pytest.raises(UnusableLanguageModel, match=f"{name} is set and MRI_LLM_URL") as caught:
        from_variables({name: "k3y"})
    assert "k3y" not in str(caught.value)


def test_authority_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("no certificate")
    with pytest.raises(UnusableLanguageModel, match=r"MRI_LLM_CA_FILE\) .* cannot be read"):
        from_variables(GIVEN | {"MRI_LLM_CA_FILE": str(missing)})
    with pytest.raises(UnusableLanguageModel, match=r"MRI_LLM_CA_FILE\) .* no PEM certificate"):
        from_variables(GIVEN | {"MRI_LLM_CA_FILE": str(empty)})


def test_settings_of_the_functions() -> None:
    server = from_variables(
        GIVEN | {"MRI_LLM_API_KEY": "k3y", "MRI_LLM_ANSWER_FORM": "tool", "MRI_LLM_CA_FILE": ""}
    )

    assert server is not None
    assert server.environment() == {
        "LLM_URL": "http://127.0.0.1:8000/v1",
        "LLM_MODEL": "qwen",
        "LLM_API_KEY": "k3y",
        "LLM_ANSWER_FORM": "tool",
    }
    assert "k3y" not in repr(server)


def test_notice_names_the_server_in_one_line() -> None:
    server = from_variables(GIVEN | {"MRI_LLM_API_KEY": "k3y"})

    assert server is not None
    assert "http://127.0.0.1:8000" in server.notice()
    assert "\n" not in server.notice()
    assert "k3y" not in server.notice()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"MRI_LLM_URL": "http://8.8.8.8"}, "MRI_LLM_URL"),
        ({"MRI_LLM_URL": "llm.example"}, "MRI_LLM_URL"),
        ({"MRI_LLM_URL": "http://llm.invalid:8000"}, "MRI_LLM_URL names a host that is not known"),
        ({"MRI_LLM_MODEL": ""}, "MRI_LLM_MODEL"),
        ({"MRI_LLM_MODEL": " "}, "MRI_LLM_MODEL"),
        ({"MRI_LLM_API_KEI": "k3y"}, "MRI_LLM_API_KEI is no setting .is MRI_LLM_API_KEY meant"),
        ({"MRI_LLM_ANSWERFORM": "tool"}, "is MRI_LLM_ANSWER_FORM meant"),
    ],
)
def test_unusable_server_stops_the_start(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(UnusableLanguageModel, match=sentence) as caught:
        from_variables(GIVEN | given)
    assert "LlmUrl" not in str(caught.value)
    assert "k3y" not in str(caught.value)


def test_blanks_around_an_address_are_none_of_it() -> None:
    server = from_variables({"MRI_LLM_URL": " http://127.0.0.1:8000 ", "MRI_LLM_MODEL": " qwen "})

    assert server is not None
    assert (server.url, server.model) == ("http://127.0.0.1:8000", "qwen")
