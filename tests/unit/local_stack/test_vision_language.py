"""Where pictures of patients may go."""

import pytest

from local_stack.vision_language import UnsafeAddress, VisionLanguageServer, from_variables


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "http://[::1]:8000", "http://10.1.2.3", "https://vlm.hospital.org"],
)
def test_this_machine_private_networks_and_encrypted_addresses_are_allowed(url: str) -> None:
    assert VisionLanguageServer(url).url == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://8.8.8.8:8000", "without encryption"),
        ("ftp://127.0.0.1", "http or https"),
        ("127.0.0.1:8000", "http or https"),
        ("http://user:secret@127.0.0.1", "password"),
    ],
)
def test_other_addresses_are_refused_without_repeating_them(url: str, words: str) -> None:
    with pytest.raises(UnsafeAddress, match=words) as raised:
        VisionLanguageServer(url)

    assert "secret" not in str(raised.value)


def test_nothing_is_asked_unless_the_environment_says_so() -> None:
    assert from_variables({}) is None
    assert from_variables({"MRI_VLM_URL": "", "MRI_VLM_MODEL": ""}) is None


def test_a_model_without_an_address_is_refused_not_ignored() -> None:
    with pytest.raises(UnsafeAddress, match="MRI_VLM_MODEL is set and MRI_VLM_URL is not"):
        from_variables({"MRI_VLM_URL": "", "MRI_VLM_MODEL": "m"})


def test_the_environment_names_server_and_model() -> None:
    server = from_variables({"MRI_VLM_URL": "http://127.0.0.1:8000/", "MRI_VLM_MODEL": "m"})

    assert server == VisionLanguageServer("http://127.0.0.1:8000", "m")
    assert server is not None
    assert "127.0.0.1:8000" in server.notice()
    assert server.environment()["VISION_LANGUAGE_ENDPOINT_NAME"] == server.endpoint().endpoint_name


def test_a_misspelt_setting_is_refused_not_ignored():
    with pytest.raises(UnsafeAddress, match=r"MODELL is no setting \(is MRI_VLM_MODEL meant"):
        from_variables({"MRI_VLM_URL": "http://127.0.0.1:8000", "MRI_VLM_MODELL": "m"})


def test_blanks_around_an_address_are_none_of_it():
    server = from_variables({"MRI_VLM_URL": " http://127.0.0.1:8000/ ", "MRI_VLM_MODEL": " "})

    assert server == VisionLanguageServer("http://127.0.0.1:8000", "")
