"""Read a SAM template and translate it to plain CloudFormation, offline.

The translator accepts code only as ``s3://`` addresses. Each local path (functions, layers, state
machine definitions) is therefore replaced by an address in a bucket that does not exist, and
:class:`LocalArtefacts` leads back from that address to the path. A template built by ``sam build``
works the same way, because its paths are relative to itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_stack.account import REGION
from local_stack.intrinsics import TemplateError

_BUCKET = "local-artefacts"
_PATH_PROPERTIES = ("CodeUri", "ContentUri", "DefinitionUri")


@dataclass
class LocalArtefacts:
    """The local paths that a translated template refers to."""

    paths: dict[str, Path] = field(default_factory=dict)

    def address_of(self, path: Path) -> str:
        """Return the ``s3://`` address that stands for ``path``."""
        key = f"{len(self.paths)}-{path.name}"
        self.paths[key] = path
        return f"s3://{_BUCKET}/{key}"

    def path_of(self, bucket: Any, key: Any) -> Path:
        """Return the local path behind an address of the translated template."""
        if bucket != _BUCKET or key not in self.paths:
            raise TemplateError(f"s3://{bucket}/{key} is not on this machine: use a local path.")
        return self.paths[key]


@dataclass(frozen=True)
class TranslatedTemplate:
    """A template without ``Transform``, and where its code lies."""

    body: dict[str, Any]
    artefacts: LocalArtefacts


def translate(template_path: Path, parameters: dict[str, str]) -> TranslatedTemplate:
    """Translate the SAM template at ``template_path``.

    Parameters
    ----------
    template_path
        A SAM template; its paths are relative to its folder.
    parameters
        Overrides of the template's parameters. The translator resolves ``Ref`` of parameters in
        the places where it must know them.

    Raises
    ------
    TemplateError
        The template is not valid SAM; the message lists what the translator found.
    """
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(template_path.read_text(encoding="utf-8"))
    artefacts = LocalArtefacts()
    if "Transform" not in document:
        return TranslatedTemplate(document, artefacts)
    _replace_local_paths(document, template_path.parent, artefacts)
    return TranslatedTemplate(_translate_document(document, parameters), artefacts)


def _replace_local_paths(document: dict[str, Any], base: Path, artefacts: LocalArtefacts) -> None:
    sections = [(document.get("Globals") or {}).values()]
    sections.append([r.get("Properties") or {} for r in document.get("Resources", {}).values()])
    for section in sections:
        for properties in section:
            for name in _PATH_PROPERTIES:
                uri = properties.get(name)
                if isinstance(uri, str) and not uri.startswith(("s3://", "http")):
                    properties[name] = artefacts.address_of((base / uri).resolve())


def _translate_document(document: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    import boto3

    # The translator warns of feature switches that only the service has.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    from samtranslator.model.exceptions import (
        InvalidDocumentException,
    )
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    defaults = {
        name: declaration["Default"]
        for name, declaration in (document.get("Parameters") or {}).items()
        if "Default" in declaration
    }
    # The empty map keeps the translator from asking IAM: it then uses the list that it carries.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    try:
        body: dict[str, Any] = translator.translate(
            document, parameter_values={**defaults, **parameters}
        )
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes)
        raise TemplateError(f"The SAM template is not valid: {causes or error.message}") from error
    return body
