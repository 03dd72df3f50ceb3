"""The parameters of each stage, with the images and the id of one commit put in.

The files of ``pipeline/parameters`` say how a stage differs; which images it runs is decided by the
build. Writing them here, instead of ``ParameterOverrides`` in the pipeline, keeps an image that a
commit does not have (no ``frontend/Dockerfile``) an absent parameter rather than an empty one.
"""

import argparse
import json
from pathlib import Path

Configuration = dict[str, dict[str, str]]

PARAMETERS = Path(__file__).parent / "parameters"
IMAGE_PARAMETERS = {
    "segmentation": "SegmentationImageUri",
    "reading-room": "ReadingRoomImageUri",
}


def image_uris(registry: str, commit: str, images: list[str]) -> dict[str, str]:
    """Parameter name to image address, for the images that were built."""
    return {IMAGE_PARAMETERS[name]: f"{registry}/mri-{name}:{commit}" for name in images}


def with_build(configuration: Configuration, uris: dict[str, str], commit: str) -> Configuration:
    """A template configuration whose images and release are those of this build.

    Raises
    ------
    ValueError
        The file sets an image or the release itself, or asks for a reading room that was not built.
    """
    parameters = configuration["Parameters"]
    given = uris | {"ReleaseId": commit}
    if fixed := sorted({*IMAGE_PARAMETERS.values(), "ReleaseId"} & set(parameters)):
        raise ValueError(f"{', '.join(fixed)} come from the build; take them out of the file.")
    if parameters.get("DeployReadingRoom") == "true" and "ReadingRoomImageUri" not in uris:
        raise ValueError(
            'DeployReadingRoom is "true", but this commit has no frontend/Dockerfile to build.'
        )
    return configuration | {"Parameters": parameters | given}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--registry", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--images", nargs="+", required=True, choices=IMAGE_PARAMETERS)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    uris = image_uris(arguments.registry, arguments.commit, arguments.images)
    (arguments.output / "images.json").write_text(json.dumps(uris, indent=1) + "\n")
    for path in sorted(PARAMETERS.glob("*.json")):
        try:
            configuration = with_build(json.loads(path.read_text()), uris, arguments.commit)
        except ValueError as error:
            raise SystemExit(f"{path}: {error}") from error
        target = arguments.output / "parameters" / path.name
        target.write_text(json.dumps(configuration, indent=1) + "\n")


if __name__ == "__main__":
    main()
