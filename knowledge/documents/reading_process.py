"""Reads one document in a process of its own, which has limits on memory and processor time.

Started by ``readers.py`` as a script: the file comes on standard input, one JSON document goes to
standard output. A document that is built to exhaust its reader ends this process and nothing else.
Exceptions are told by their code; their text may quote the document and stays here.
"""

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bound(memory_bytes: int, seconds: float) -> None:
    """Limit this process. Where the system knows no such limit, the parent's clock remains."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def main() -> None:
    """Read standard input as the kind named in the first argument."""
    kind, wanted = sys.argv[1], json.loads(sys.argv[2])
    for part in (ROOT, ROOT / "layers" / "mri_analysis"):
        sys.path.append(str(part))
    from knowledge.documents.limits import Limits
    from knowledge.documents.parsing import parsed
    from mri_analysis.errors import DocumentError

    limits = Limits(**wanted)
    bound(limits.memory_bytes, limits.seconds)
    try:
        answer = asdict(parsed(kind, sys.stdin.buffer.read(), limits))
    except DocumentError as error:
        answer = {"refused": error.code, "sentence": str(error)}
    except (MemoryError, RecursionError):
        answer = {"refused": "DocumentTooLarge", "sentence": "Reading takes too much memory."}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
