"""The engine behind SageMaker's HTTP contract: ``GET /ping`` and ``POST /invocations``.

The request's body is the image, the answer an archive of labels, measurements and pictures
(:mod:`mri_analysis.contracts.segmentation_archive`): the container needs neither a network nor
credentials, and SageMaker gives it none. One analysis runs at a time: two would share the cores and
double the peak memory, and an asynchronous endpoint queues by itself."""

import argparse
import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mri_analysis import errors as public
from mri_analysis.contracts.segmentation import Quality, SegmentationRefused
from mri_analysis.contracts.segmentation_archive import ARCHIVE_TYPE, pack
from mri_segmentation.analysis import analyse
from mri_segmentation.artefacts import artefacts
from mri_segmentation.errors import (
    NonFiniteVoxels,
    UnreadableImage,
    UnsupportedShape,
    UnsupportedVoxelType,
    UnusableOrientation,
)
from mri_segmentation.network import Network
from mri_segmentation.volume import read_nifti

THREADS_VARIABLE = "SEGMENTATION_THREADS"
MAX_IMAGE_BYTES = 1_000_000_000
"""What an asynchronous SageMaker endpoint takes as well."""

logger = logging.getLogger("mri_segmentation.server")


class ImageTooLarge(ValueError):
    """The image is larger than one analysis takes."""


PUBLIC_ERRORS: dict[type[Exception], type[public.UploadError]] = {
    UnreadableImage: public.CorruptFile,
    UnsupportedShape: public.NotASingleVolume,
    UnsupportedVoxelType: public.UnsupportedFormat,
    NonFiniteVoxels: public.NonFiniteVoxels,
    UnusableOrientation: public.UnknownOrientation,
    ImageTooLarge: public.FileTooLarge,
}
"""What is wrong with an image, and the error the state machine knows it by."""

IMAGE_FAULTS = tuple(PUBLIC_ERRORS)


def segment(image: bytes, network: Network) -> tuple[bytes, Quality]:
    """Analyse a NIfTI image; the archive of its results, and how far they can be trusted.

    An image that shows no usable brain is answered like any other: verdict and reasons are results.
    One that cannot be read at all raises one of :data:`IMAGE_FAULTS`.
    """
    analysis = analyse(read_nifti(image), network)
    return pack(artefacts(analysis)), analysis.measurements.quality


def refusal_of(fault: Exception) -> SegmentationRefused:
    """The answer for an image that cannot be analysed at all; ``fault`` is an image fault."""
    error = next(told for kind, told in PUBLIC_ERRORS.items() if isinstance(fault, kind))
    return SegmentationRefused(code=error.__name__, message=str(fault))


async def read_image(request: Request) -> bytes:
    """The body of a request.

    Raises
    ------
    ImageTooLarge
        As soon as that is certain; what follows is not read.
    """
    image = bytearray()
    async for chunk in request.stream():
        image += chunk
        if len(image) > MAX_IMAGE_BYTES:
            raise ImageTooLarge("The image is larger than 1 GB; send a smaller one.")
    return bytes(image)


def create_app(load_network: Callable[[], Network]) -> Starlette:
    """The ASGI application.

    Parameters
    ----------
    load_network : callable
        Called once at start; ``/ping`` answers 503 until it has returned.
    """
    one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.network = await run_in_threadpool(load_network)
        yield

    async def ping(request: Request) -> Response:
        loaded = getattr(request.app.state, "network", None) is not None
        return Response(status_code=200 if loaded else 503)

    async def invocations(request: Request) -> Response:
        started = time.perf_counter()
        try:
            async with one_at_a_time:
                _log("started")
                image = await read_image(request)
                archive, quality = await run_in_threadpool(
                    segment, image, request.app.state.network
                )
        except IMAGE_FAULTS as error:
            # SageMaker keeps the body of any other status from the caller of an asynchronous
            # endpoint, who then could not tell a bad image from a broken container.
            refused = refusal_of(error)
            _log("refused", seconds=_since(started), code=refused.code)
            return Response(refused.model_dump_json(), media_type="application/json")
        except Exception as error:  # noqa: BLE001
            # The last net: whatever happens, the answer is JSON. The message of an unforeseen error
            # may quote the image's header, so only its type is told.
            logger.error("unforeseen error %s", type(error).__name__)
            message = "The analysis stopped unexpectedly; try again, then tell the operator."
            return _failure(500, "InternalError", message, started)
        _log(
            "analysed",
            seconds=_since(started),
            verdict=quality.verdict.value,
            refusal=quality.refusal,
        )
        return Response(archive, media_type=ARCHIVE_TYPE)

    return Starlette(
        routes=[
            Route("/ping", ping, methods=["GET"]),
            Route("/invocations", invocations, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def _failure(status: int, code: str, message: str, started: float) -> JSONResponse:
    _log("failed", seconds=_since(started), code=code)
    return JSONResponse({"code": code, "message": message}, status_code=status)


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)


def _log(event: str, **facts: str | float | None) -> None:
    logger.info(json.dumps({"event": event, **facts}))


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="mri_segmentation.server", description=__doc__)
    # SageMaker starts a container with this word appended to its entry point.
    parser.add_argument("command", nargs="?", choices=["serve"], help="may be left out")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    told = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    threads = int(os.environ.get(THREADS_VARIABLE, "2"))
    app = create_app(lambda: Network(threads=threads))
    # Access logs would repeat what _log says, once a ping.
    uvicorn.run(app, host=told.host, port=told.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
