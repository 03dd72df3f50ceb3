"""This product's stack on one machine: the template, a migrated database, the knowledge snapshot.

Everything the stack keeps lives in memory or below the state folder, and is forgotten with it: the
objects of the buckets are gone when moto stops, so the rows that name them go too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from knowledge.build import build_snapshot
from local_stack.language_model import LanguageModelServer
from local_stack.stack import LocalStack, segmentation_server
from local_stack.vision_language import VisionLanguageServer
from migrations.migrate import migrate

KNOWLEDGE_SNAPSHOT = Path("out/knowledge.sqlite")


def product_stack(
    repository: Path,
    state_dir: Path,
    *,
    template: Path | None = None,
    database_url: str | None = None,
    parameters: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    vision_language: VisionLanguageServer | None = None,
    language_model: LanguageModelServer | None = None,
    **options: Any,
) -> LocalStack:
    """A stack of this product, ready to start.

    Parameters
    ----------
    repository
        The checkout.
    state_dir
        Where logs, traces, the database and ``stack.json`` go.
    template
        A template that ``sam build`` wrote for the interpreter at hand, in place of the sources.
    database_url
        Another database than a fresh SQLite file; it is migrated too.
    vision_language
        A server that is shown the pictures of every study; none by default.
    language_model
        A server that is told what was measured and drafts the report; none by default.
    parameters, environment, options
        See :class:`local_stack.stack.LocalStack`.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    url = database_url or _fresh_sqlite(state_dir)
    migrate(create_engine(url))
    return LocalStack(
        template or repository / "template.yaml",
        state_dir,
        {
            "DatabaseUrl": url,
            "ServeApiDocs": "true",
            **(parameters or {}),
        },
        # The template's path is in a layer, which is not unpacked here.
        {
            "KNOWLEDGE_SNAPSHOT_PATH": str(_knowledge_snapshot(repository)),
            **(vision_language.environment() if vision_language else {}),
            **(language_model.environment() if language_model else {}),
            **(environment or {}),
        },
        **{
            "model_server": segmentation_server(repository),
            # A message that failed comes back in seconds: a person waits for it.
            "redelivery_s": 30,
            "foreign_servers": [vision_language.endpoint()] if vision_language else [],
            **options,
        },
    )


def _fresh_sqlite(state_dir: Path) -> str:
    for path in state_dir.glob("mri_analysis.db*"):
        path.unlink()
    database = state_dir.resolve() / "mri_analysis.db"
    database.touch(mode=0o600)  # it outlives the stack until the next one starts
    return f"sqlite:///{database}"


def _knowledge_snapshot(repository: Path) -> Path:
    path = (repository / KNOWLEDGE_SNAPSHOT).resolve()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        build_snapshot(path)
    return path
