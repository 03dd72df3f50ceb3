"""The training code, on maps of a few voxels. Needs PyTorch: `make test-training`."""

import dataclasses
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="`make test-training` installs PyTorch")

from training.classes import LABELS, OF_BEFORE, TrainingClass  # noqa: E402
from training.label_maps import HALF_MM, LabelMaps, read_label_maps  # noqa: E402
from training.lesions import one_large_lesion, small_lesions  # noqa: E402
from training.loss import soft_dice_and_cross_entropy  # noqa: E402
from training.network import ShuffleUNet, grown  # noqa: E402
from training.synthesis import Recipe, Synthesis  # noqa: E402
from training.train import Config, Run  # noqa: E402

SIZE = (32, 48, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two maps: shells of head, fluid, cortex and white matter around a ventricle."""
    folder = tmp_path_factory.mktemp("maps")
    axes = np.meshgrid(*[np.arange(n) - n / 2 for n in (200, 220, 190)], indexing="ij")
    for number, shift in enumerate((0, 6)):
        radius = np.sqrt(
            sum((axis / half) ** 2 for axis, half in zip(axes, (70, 85, 65), strict=True))
        )
        labels = np.zeros(radius.shape, np.int16)
        for limit, label in ((1.25, 507), (1.0, 24), (0.9, 3), (0.75, 2), (0.2, 4)):
            labels[radius < limit] = label
        right = np.broadcast_to(axes[0] > 0, labels.shape)
        for left, other in ((3, 42), (2, 41), (4, 43)):
            labels[(labels == left) & right] = other
        labels = np.roll(labels, shift, axis=0)
        nib.save(nib.Nifti1Image(labels, np.eye(4)), folder / f"{number}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def maps(folder: Path) -> LabelMaps:
    return read_label_maps(folder)


@pytest.fixture
def config() -> Config:
    return Config(
        name="small",
        held_out=(1,),
        size=SIZE,
        voxel_mm=5.0,
        steps=6,
        learning_rate=1e-3,
    )


def test_every_label_belongs_to_one_class():
    labels = [label for group in LABELS.values() for label in group]
    assert len(labels) == len(set(labels))
    assert set(LABELS) == set(TrainingClass) - {TrainingClass.BACKGROUND}


def test_maps_are_centred_on_the_brain_and_lose_none_of_it(maps: LabelMaps, folder: Path):
    brain = np.isin(maps.maps, [i for i, v in enumerate(maps.values) if 0 < v < 500])
    for found, file in zip(brain, sorted(folder.iterdir()), strict=True):
        whole = np.asarray(nib.load(file).dataobj)
        assert found.sum() == ((whole > 0) & (whole < 500)).sum()
        centre = [(np.flatnonzero(found.any(axis=axes))) for axes in ((1, 2), (0, 2), (0, 1))]
        for there, half in zip(centre, HALF_MM, strict=True):
            assert abs((there[0] + there[-1] + 1) / 2 - half) <= 1


def test_a_folder_without_maps_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no label maps"):
        read_label_maps(tmp_path)


def test_folding_loses_no_voxel():
    network = ShuffleUNet(3)
    image = torch.rand(1, 1, 32, 32, 48)
    # Passed on unchanged, the eight channels of a cell are its eight voxels again.
    network.core = _FirstClassIsTheImage()
    assert torch.equal(network(image)[:, :1], image)


class _FirstClassIsTheImage(torch.nn.Module):
    def forward(self, folded):
        return torch.cat([folded, torch.zeros_like(folded), torch.zeros_like(folded)], 1)


def test_a_grown_network_says_what_the_old_one_said():
    torch.manual_seed(0)
    old, new = ShuffleUNet(10).eval(), ShuffleUNet(len(TrainingClass)).eval()
    parents = [OF_BEFORE.get(kind, int(kind)) for kind in TrainingClass]
    new.load_state_dict(grown(old.state_dict(), parents))
    image = torch.rand(1, 1, 32, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(new(image), old(image)[:, parents])


def test_the_loss_is_least_where_the_prediction_is_the_truth():
    classes = torch.randint(0, 4, (4, 8, 8, 8))
    classes[:] = classes[:1]
    right = torch.nn.functional.one_hot(classes[0], 4).permute(3, 0, 1, 2)[None].float() * 30
    wrong = right.roll(1, 1)
    for rarity in (0.0, 0.4):
        best = soft_dice_and_cross_entropy(right, classes, rarity)
        assert float(best) < 0.01
        assert float(soft_dice_and_cross_entropy(wrong, classes, rarity)) > 2


@pytest.mark.parametrize("kind", ["t1", "t2", "flair", "random"])
def test_the_same_seed_makes_the_same_images(maps: LabelMaps, kind: str):
    first, again = (Synthesis(maps, SIZE, 5.0, Recipe(), seed=3) for _ in range(2))
    for _ in range(4):
        image, classes = first(kind)
        same, also = again(kind)
        assert torch.equal(image, same)
        assert torch.equal(classes, also)
        assert image.shape == (1, 1, *SIZE)
        assert float(image.min()) >= 0
        assert float(image.max()) <= 1
        assert classes.shape == (4, *SIZE)
        assert int(classes.max()) < len(TrainingClass)


def test_brightness_follows_the_contrast(maps: LabelMaps):
    plain = Recipe(
        small_lesions=0, large_lesion=0, skull_stripped=0, thick_slices=0, motion=0, cut=0
    )
    for kind, brighter in (("t1", True), ("t2", False)):
        source = Synthesis(maps, SIZE, 5.0, plain, seed=1)
        for _ in range(5):
            image, classes = source(kind)
            white = (classes == TrainingClass.WHITE_MATTER).all(0)
            fluid = (classes == TrainingClass.VENTRICLES).all(0)
            whiter = bool(image[0, 0][white].mean() > image[0, 0][fluid].mean())
            assert whiter is brighter


def test_lesions_lie_in_tissue(maps: LabelMaps):
    random = np.random.default_rng(0)
    found = 0
    source = Synthesis(maps, SIZE, 5.0, Recipe(small_lesions=0, large_lesion=0, cut=0), seed=5)
    for _ in range(10):
        _, classes = source("flair")
        small = small_lesions(classes, random)
        large = one_large_lesion(classes, random, 5.0)
        assert (classes[small] == TrainingClass.WHITE_MATTER).all()
        assert (classes[large] != TrainingClass.BACKGROUND).float().mean() > 0.7
        found += int(small.any()) + int(large.any())
    assert found >= 10


def test_a_run_goes_on_where_it_stopped(config: Config, maps: LabelMaps, tmp_path: Path):
    Run(dataclasses.replace(config, steps=3), maps, tmp_path).train(minutes=5)

    later = Run(config, maps, tmp_path)
    assert later.step == 3
    later.train(minutes=5)

    assert later.step == 6
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "t1" in entry] == [3, 6]
    assert set(log[-1]["t1"]) == {kind.name.lower() for kind in TrainingClass if kind}
    assert not list(tmp_path.glob("*.part"))


def test_training_lowers_the_loss(config: Config, maps: LabelMaps, tmp_path: Path):
    torch.manual_seed(1)
    run = Run(dataclasses.replace(config, steps=40, learning_rate=3e-3), maps, tmp_path)
    losses = [run._one_step() for _ in range(40)]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])


def test_a_configuration_is_read_whole(tmp_path: Path):
    file = tmp_path / "run.yaml"
    file.write_text(
        "name: x\nsize: [32, 48, 32]\nheld_out: [0]\nrecipe: {motion: 0.5, shares: {t1: 0.9}}\n"
    )
    config = Config.read(file)
    assert config.size == (32, 48, 32)
    assert config.recipe.motion == 0.5
    assert config.recipe.shares.t1 == 0.9
    file.write_text("name: x\nstepz: 5\n")
    with pytest.raises(TypeError, match="stepz"):
        Config.read(file)


def test_the_same_seed_starts_from_the_same_weights(
    config: Config, maps: LabelMaps, tmp_path: Path
):
    one, other = (Run(config, maps, tmp_path / name).network for name in ("a", "b"))
    for first, second in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("change", [{"voxel_mm": 4.0}, {"seed": 11}, {"recipe": Recipe(motion=1)}])
def test_the_checkpoint_of_another_run_is_refused(
    config: Config, maps: LabelMaps, tmp_path: Path, change: dict[str, object]
):
    Run(config, maps, tmp_path).save()
    with pytest.raises(ValueError, match=f"another run .{next(iter(change))}"):
        Run(dataclasses.replace(config, **change), maps, tmp_path)
    # More steps of the same run are no other run
    assert Run(dataclasses.replace(config, steps=99), maps, tmp_path).step == 0
