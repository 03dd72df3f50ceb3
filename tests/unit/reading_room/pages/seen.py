"""What somebody sees and can press."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, TextArea

Visit = Callable[..., AppTest]
_TOLD = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")


def sign_in(app: AppTest, token: str) -> None:
    """What the cookies of the browser hold from now on."""
    app.user = {"is_logged_in": True, "tokens": {"id": token}}


def words(app: AppTest) -> str:
    """Everything the page says, without the signs that keep Markdown from being read."""
    said = [str(element.value) for kind in (*_TOLD, "success") for element in app.get(kind)]
    said += [str(element.proto.body) for element in app.get("html")]
    return " ".join(said).replace("\\", "")


def markup(app: AppTest) -> str:
    """What the browser is told to read as HTML."""
    return " ".join(str(element.proto.body) for element in app.get("html"))


def button(app: AppTest, label: str) -> Button:
    """The button of this name."""
    (found,) = (one for one in app.button if one.label == label)
    return found


def area(app: AppTest, label: str) -> TextArea:
    """The field of this name."""
    (found,) = (one for one in app.text_area if one.label == label)
    return found


def offered(app: AppTest) -> set[str]:
    """What can be pressed; turning pages apart."""
    return {one.label for one in app.button if not one.disabled} - {"Newer", "Older"}


def compared(app: AppTest) -> AppTest:
    """The page once its reader says to have compared report and images."""
    (found,) = (one for one in app.checkbox if one.label.startswith("I have compared"))
    return found.check().run()
