"""Which models and which knowledge took part in the analyses of an organization's studies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mri_analysis.contracts.operations import ModelKind, ModelsInUse, ModelUse
from mri_analysis.ports.operations import AnalysedStudy, Operations

MOST_STUDIES = 2_000
"""Studies that are read for one answer, the newest."""


@dataclass(frozen=True)
class _Model:
    """One version of one model; what studies are counted by."""

    kind: ModelKind
    known: bool = True
    name: str | None = None
    version: str | None = None
    weights_sha256: str | None = None
    contrast: str | None = None
    prompt_version: str | None = None


@dataclass
class _Uses:
    studies: int
    first: datetime
    last: datetime


def list_models(
    organization_id: str,
    days: int,
    *,
    operations: Operations,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ModelsInUse:
    """Each model of the studies of the last ``days`` days, the latest used of its kind first."""
    since = now() - timedelta(days=days)
    found = operations.analysed(organization_id, since, MOST_STUDIES + 1)
    studies = found[:MOST_STUDIES]
    uses: dict[_Model, _Uses] = {}
    for study in studies:
        for model in _models(study):
            use = uses.setdefault(model, _Uses(0, study.stored_at, study.stored_at))
            use.studies += 1
            use.first = min(use.first, study.stored_at)
            use.last = max(use.last, study.stored_at)
    kinds = list(ModelKind)
    ordered = sorted(uses.items(), key=lambda one: one[1].last, reverse=True)
    ordered.sort(key=lambda one: kinds.index(one[0].kind))
    return ModelsInUse(
        since=since,
        complete=len(found) <= MOST_STUDIES,
        studies=len(studies),
        models=[
            ModelUse(
                kind=model.kind,
                known=model.known,
                name=model.name,
                version=model.version,
                weights_sha256=model.weights_sha256,
                contrast=model.contrast,
                prompt_version=model.prompt_version,
                studies=use.studies,
                first_used=use.first,
                last_used=use.last,
            )
            for model, use in ordered
        ],
    )


def _models(study: AnalysedStudy) -> Iterator[_Model]:
    """One of each kind; what an earlier release did not keep is not known."""
    metrics = study.metrics
    yield _Model(
        ModelKind.SEGMENTATION,
        known="engine" in metrics,
        name=metrics.get("engine"),
        version=metrics.get("engine_version"),
        weights_sha256=metrics.get("weights_sha256"),
        contrast=metrics.get("contrast"),
    )
    for kind, name in (
        (ModelKind.LANGUAGE_MODEL, "name"),
        (ModelKind.VISION_LANGUAGE_MODEL, "model"),
    ):
        use = metrics.get(kind.value) or {}
        yield _Model(
            kind,
            known=kind.value in metrics,
            name=use.get(name),
            prompt_version=use.get("prompt_version"),
        )
    version = metrics.get("knowledge_version")
    yield _Model(
        ModelKind.KNOWLEDGE,
        known=version is not None,
        name=None if version is None else "knowledge base",
        version=version,
    )
