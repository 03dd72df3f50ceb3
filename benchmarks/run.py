"""``make bench``: measure and write ``benchmarks/results/latest.json``.

Each figure is the median of several runs on the machine that is named with it. Nothing here fails
on slowness; the bounds stand beside the figures.
"""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.dicom import dicom
from benchmarks.guard import guard
from benchmarks.reading_room import reading_room
from benchmarks.retrieval import retrieval
from benchmarks.surface_truth import score

SAMPLE = Path("samples/pycortex_S1_T1w.nii.gz")
LATEST = Path("benchmarks/results/latest.json")
BUILD = Path(".aws-sam/build")

RUNS = 3
WARM_STUDIES = 5
IMPORTS = 5
LIBRARIES = ("numpy", "scipy", "onnxruntime", "nibabel", "moto", "boto3", "aws-lambda-powertools")

_PATH = os.pathsep.join(("layers/mri_analysis", "models/segmentation"))


def median(values: list[float], digits: int = 2) -> float:
    """The middle value."""
    return round(statistics.median(values), digits)


def machine() -> dict[str, Any]:
    """Where the figures were measured."""
    names = [
        line.split(":", 1)[1].strip()
        for line in _lines(Path("/proc/cpuinfo"))
        if line.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def segmentation() -> dict[str, Any]:
    """Cold processes that read, segment, measure and write the 256^3 sample."""
    wall, cpu, peak = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "mri_segmentation", str(SAMPLE), folder],
                stdout=subprocess.DEVNULL,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError("the segmentation failed")
            wall.append(time.perf_counter() - started)
            cpu.append(used.ru_utime + used.ru_stime)
            peak.append(used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2))
        accuracy = score(Path(folder) / "labels.nii.gz")
    return {
        "runs": RUNS,
        "wall_seconds": median(wall),
        "cpu_seconds": median(cpu),
        "peak_mb": median(peak, 0),
        **accuracy,
        "bounds": {
            "cpu_seconds": 9,
            "peak_mb": 900,
            "cortex_dice": 0.94,
            "inside_white_dice": 0.935,
        },
    }


_STUDIES = """
import json, sys, tempfile, time
from pathlib import Path
started = time.perf_counter()
from local_stack.product import product_stack
from mri_client.stack import Stack
from mri_client.studies import follow, submit
with tempfile.TemporaryDirectory() as folder, product_stack(Path.cwd(), Path(folder)) as local:
    ready = time.perf_counter() - started
    if not local.wait_for_model_server():
        sys.exit("the model server did not start")
    stack = Stack.from_document(local.description())
    studies = []
    for _ in range(int(sys.argv[1])):
        submission = submit(stack, Path(sys.argv[2]), "bench")
        *_, last = follow(stack, submission, 300)
        key = f"results/bench/{submission.job_id}/measurements.json"
        body = stack.s3.get_object(Bucket=stack.results_bucket, Key=key)["Body"].read()
        engine = json.loads(body)["engine"]["seconds"]
        studies.append({"execution": last.execution.document(), "engine": engine})
print(json.dumps({"start_seconds": ready, "studies": studies}))
"""


def _run_studies(count: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _STUDIES, str(count), str(SAMPLE)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def stack_and_studies() -> dict[str, Any]:
    """Stack start, and what the chain adds to the model, cold and warm, by stage."""
    starts = [_run_studies(0)["start_seconds"] for _ in range(RUNS - 1)]
    run = _run_studies(1 + WARM_STUDIES)
    starts.append(run["start_seconds"])
    cold, *warm = run["studies"]
    return {
        "stack_start_seconds": median(starts),
        "study_seconds": {
            "cold": round(cold["execution"]["seconds"], 2),
            "warm": median([study["execution"]["seconds"] for study in warm]),
        },
        "overhead_seconds": {
            "cold": round(_overhead(cold), 2),
            "warm": median([_overhead(study) for study in warm]),
        },
        "stage_seconds": {
            "cold": {name: seconds[0] for name, seconds in _by_stage([cold]).items()},
            "warm": {name: median(seconds, 3) for name, seconds in _by_stage(warm).items()},
        },
        "warm_studies": WARM_STUDIES,
        "bounds": {"stack_start_seconds": 5, "overhead_seconds.warm": 1.5},
    }


def _overhead(study: dict[str, Any]) -> float:
    """Seconds of the execution that the engine did not take."""
    return float(study["execution"]["seconds"] - sum(study["engine"].values()))


def _by_stage(studies: list[dict[str, Any]]) -> dict[str, list[float]]:
    stages: dict[str, list[float]] = {}
    for study in studies:
        for stage in study["execution"]["stages"]:
            if stage["seconds"] is not None:
                stages.setdefault(stage["name"], []).append(stage["seconds"])
    return stages


def handler_imports() -> dict[str, float]:
    """Seconds a fresh interpreter takes to import each handler, boto3 included."""
    environment = os.environ | {
        "PYTHONPATH": _PATH,
        "AWS_DEFAULT_REGION": "us-east-1",
        "IDEMPOTENCY_TABLE": "table",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }
    bare = _import_seconds("pass", environment)
    found = {}
    for folder in sorted(Path("functions").iterdir()):
        if (folder / "app.py").exists():
            code = f"import sys; sys.path.insert(0, {str(folder)!r}); import app"
            found[folder.name] = round(_import_seconds(code, environment) - bare, 3)
    return found


def _import_seconds(code: str, environment: dict[str, str]) -> float:
    def once() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return time.perf_counter() - started

    once()  # the first one writes the byte code
    return statistics.median(once() for _ in range(IMPORTS))


def unzipped_sizes() -> dict[str, Any]:
    """Megabytes of each function with its layer, as ``make build`` made them."""
    if not BUILD.exists():
        return {"not_measured": "run `make build` first"}
    layer = _megabytes(BUILD / "SharedLayer")
    functions = {
        folder.name: round(layer + _megabytes(folder), 1)
        for folder in sorted(BUILD.iterdir())
        if folder.name.endswith("Function")
    }
    return {"layer_mb": round(layer, 1), "function_with_layer_mb": functions, "bound_mb": 150}


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    """Measure everything and write the file."""
    parts: dict[str, Callable[[], Any]] = {
        "segmentation": segmentation,
        "stack": stack_and_studies,
        "handler_import_seconds": handler_imports,
        "unzipped_sizes": unzipped_sizes,
        "retrieval": retrieval,
        "guard": guard,
        "reading_room": reading_room,
        "dicom": dicom,
    }
    results: dict[str, Any] = {
        "schema_version": 1,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    for name, measure in parts.items():
        print(f"measuring {name}", file=sys.stderr, flush=True)
        results[name] = measure()
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
