"""The network: weights with their manifest, and class probabilities on the 2-mm grid."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from mri_segmentation.errors import InvalidWeights
from mri_segmentation.labels import Tissue

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Manifest:
    """What the file beside the weights says of them."""

    name: str
    version: str
    file: str
    sha256: str
    voxel_mm: float
    grid: tuple[int, int, int]


def read_manifest(path: Path) -> Manifest:
    """Read ``path`` (JSON).

    Raises
    ------
    InvalidWeights
        The classes are not the ones :class:`~mri_segmentation.labels.Tissue` lists.
    """
    told = json.loads(path.read_text())
    if told["classes"] != [tissue.name.lower() for tissue in Tissue]:
        raise InvalidWeights(f"{path.name} lists other classes than this version knows.")
    return Manifest(
        name=told["name"],
        version=told["version"],
        file=told["file"],
        sha256=told["sha256"],
        voxel_mm=float(told["voxel_mm"]),
        grid=tuple(told["grid"]),
    )


class Network:
    """A loaded network. It is safe to share between threads: a run changes nothing in it.

    Parameters
    ----------
    manifest_path : Path
        JSON beside the ONNX file.
    threads : int
        Threads of one run.

    Raises
    ------
    InvalidWeights
        The file's SHA-256 is not the manifest's.
    """

    def __init__(
        self, manifest_path: Path = WEIGHTS_FOLDER / "brainseg_int8.json", threads: int = 2
    ) -> None:
        self.manifest = read_manifest(manifest_path)
        weights = (manifest_path.parent / self.manifest.file).read_bytes()
        if hashlib.sha256(weights).hexdigest() != self.manifest.sha256:
            raise InvalidWeights(f"{self.manifest.file} is not the file its manifest describes.")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # Spinning threads burn CPU-seconds that are paid for; the arena keeps freed memory for
        # good.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def probabilities(self, image: NDArray[np.float32], *, mirror: bool) -> NDArray[np.float32]:
        """Class probabilities.

        Parameters
        ----------
        image : ndarray of float32, shape (d, h, w)
            Intensities in [0, 1] on the 2-mm RAS grid; each length a multiple of 16.
        mirror : bool
            Average with the prediction on the left-right mirrored image: twice the cost, and no
            side can be favoured.

        Returns
        -------
        ndarray of float32, shape (10, d, h, w)
        """
        result = self._run(image)
        if mirror:
            result += self._run(np.ascontiguousarray(image[::-1]))[:, ::-1]
            result *= 0.5
        return result

    def _run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = np.asarray(
            self._session.run(None, {"image": image[None, None]})[0]
        )[0]
        logits -= logits.max(axis=0)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=0)
        return logits
