"""Trains, with checkpoints to go on from: ``python -m training.train CONFIG.yaml``."""

import argparse
import copy
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml

from training.classes import OF_BEFORE, TrainingClass
from training.contrast import Shares
from training.label_maps import LabelMaps, read_label_maps
from training.loss import soft_dice_and_cross_entropy
from training.network import ShuffleUNet, grown
from training.synthesis import Recipe, Synthesis

KINDS = ("t1", "t2", "flair", "random")


@dataclass(frozen=True)
class Config:
    """A run. The same file makes the same run, unless it is stopped: a run that goes on draws
    other images than it would have."""

    name: str
    held_out: tuple[int, ...] = (18, 19)
    """maps of the validation, by position"""
    size: tuple[int, int, int] = (112, 128, 112)
    voxel_mm: float = 1.5
    steps: int = 6000
    learning_rate: float = 2e-3
    rarity: float = 0.3
    """exponent of rare classes, falling to 0 over the first half"""
    ema: float = 0.998
    seed: int = 10
    recipe: Recipe = field(default_factory=Recipe)

    @classmethod
    def read(cls, path: Path) -> "Config":
        fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        recipe = dict(fields.pop("recipe", {}))
        shares = Shares(**recipe.pop("shares", {}))
        for name in ("size", "held_out"):
            if name in fields:
                fields[name] = tuple(fields[name])
        return cls(**fields, recipe=Recipe(shares=shares, **recipe))


class Run:
    """One training run and where it stands.

    Parameters
    ----------
    config, maps
        What to do, and what to draw images from.
    folder
        Of the checkpoint and the log; a run that has a checkpoint goes on from it.
    start_from
        Weights of version 1; classes it did not have start from the one they were part of.

    Raises
    ------
    ValueError
        The folder holds the checkpoint of another run: its weights would carry a wrong history.
    """

    def __init__(
        self, config: Config, maps: LabelMaps, folder: Path, start_from: Path | None = None
    ) -> None:
        self.config, self.folder = config, folder
        held_out = set(config.held_out)
        training = [i for i in range(len(maps.maps)) if i not in held_out]
        self._training_maps = LabelMaps(maps.maps[training], maps.values)
        self._held_out_maps = LabelMaps(maps.maps[list(config.held_out)], maps.values)
        torch.manual_seed(config.seed)
        self.network = ShuffleUNet(len(TrainingClass))
        if start_from is not None:
            start = torch.load(start_from, weights_only=True)["ema"]
            parents = [OF_BEFORE.get(kind, int(kind)) for kind in TrainingClass]
            self.network.load_state_dict(grown(start, parents))
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=1e-3, betas=(0.9, 0.99)
        )
        self.step = 0
        self._checkpoint = folder / "checkpoint.pt"
        if self._checkpoint.exists():
            self._resume()
        # A run that goes on draws other images than it has seen.
        self._images = Synthesis(
            self._training_maps,
            config.size,
            config.voxel_mm,
            config.recipe,
            seed=config.seed + 1000 * self.step,
        )

    def train(self, minutes: float) -> None:
        """Until the steps are done or the time is over; saves every ten minutes."""
        started = saved = time.monotonic()
        loss_now: float | None = None
        while self.step < self.config.steps and time.monotonic() - started < 60 * minutes:
            loss = self._one_step()
            loss_now = loss if loss_now is None else 0.98 * loss_now + 0.02 * loss
            if self.step % 50 == 0:
                self._log(step=self.step, loss=round(loss_now, 4))
            if time.monotonic() - saved > 600:
                self.save()
                saved = time.monotonic()
                self._log(step=self.step, **self.validate(images=2))
        self.save()
        self._log(step=self.step, **self.validate(images=4))

    def _one_step(self) -> float:
        config = self.config
        done = self.step / config.steps
        rate = config.learning_rate * min(1.0, done / 0.03 + 0.01)
        if done > 0.03:
            rate *= 0.5 * (1 + math.cos(math.pi * (done - 0.03) / 0.97))
        for group in self.optimiser.param_groups:
            group["lr"] = rate + 1e-6
        image, classes = self._images()
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.network(image)
        loss = soft_dice_and_cross_entropy(logits, classes, config.rarity * max(0.0, 1 - 2 * done))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        keep = min(config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
        return float(loss.item())

    @torch.inference_mode()
    def validate(self, images: int) -> dict[str, Any]:
        """Dice by class and contrast on images of held-out maps, the same ones every time."""
        state = torch.random.get_rng_state()
        self.average.eval()
        found: dict[str, Any] = {}
        for kind in KINDS:
            source = Synthesis(
                self._held_out_maps, self.config.size, self.config.voxel_mm, self.config.recipe, 99
            )
            overlap = torch.zeros(len(TrainingClass))
            total = torch.zeros(len(TrainingClass))
            for _ in range(images):
                image, classes = source(kind)
                with torch.autocast("cpu", torch.bfloat16):
                    predicted = self.average(image).argmax(1)[0].flatten()
                truth = classes.mode(0).values.flatten()
                same = predicted[predicted == truth]
                overlap += torch.bincount(same, minlength=len(TrainingClass))
                total += torch.bincount(predicted, minlength=len(TrainingClass))
                total += torch.bincount(truth, minlength=len(TrainingClass))
            dice = 2 * overlap / total.clamp_min(1)
            found[kind] = {
                kind_.name.lower(): round(float(dice[kind_]), 3) for kind_ in TrainingClass if kind_
            }
        torch.random.set_rng_state(state)
        return found

    def save(self) -> None:
        """Write the checkpoint; a run that is killed meanwhile keeps the one before."""
        state = {
            "config": asdict(self.config),
            "classes": [kind.name.lower() for kind in TrainingClass],
            "step": self.step,
            "net": self.network.state_dict(),
            "ema": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        partial = self._checkpoint.with_suffix(".part")
        torch.save(state, partial)
        os.replace(partial, self._checkpoint)

    def _resume(self) -> None:
        state = torch.load(self._checkpoint, weights_only=True)
        before, now = dict(state["config"]), asdict(self.config)
        changed = sorted(name for name in now if name != "steps" and before.get(name) != now[name])
        classes = [kind.name.lower() for kind in TrainingClass]
        if changed or state["classes"] != classes:
            raise ValueError(
                f"{self._checkpoint} is of another run ({', '.join(changed) or 'other classes'}): "
                "take another folder"
            )
        self.network.load_state_dict(state["net"])
        self.average.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def _log(self, **entry: Any) -> None:
        line = json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%S"), **entry})
        print(line, flush=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--label-maps", type=Path, required=True, help="folder of *.nii.gz")
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoint and log")
    parser.add_argument("--start-from", type=Path, help="weights of version 1 (.pt)")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = Config.read(arguments.config)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    maps = read_label_maps(arguments.label_maps)
    Run(config, maps, arguments.folder, arguments.start_from).train(arguments.minutes)


if __name__ == "__main__":
    main()
