"""What the reader makes of a statement: facts in their place, everything else reported."""

import pytest

from mri_analysis.reporting.prose import Level, Matter, Measured, Quantity, Reading, read

VENTRICLES = Measured(
    "volume.ventricles",
    {
        (42.0, "mL"): "T",
        (27.6, "mL"): "L",
        (14.4, "mL"): "R",
        (2.6, "%"): "P",
        (63.0, "%"): "A",
        (20.0, "%"): "M",
    },
)
BRAIN = Measured(
    "volume.brain",
    {(842.0, "mL"): "T", (81.8, "%"): "P", (933.0, "mL"): "B", (1526.0, "mL"): "E"},
)
EVANS = Measured(
    "ratio.evans_index",
    {(0.34, ""): "Q", (45.0, "mm"): "H", (132.4, "mm"): "K", (0.3, ""): "C"},
)


def rules(reading: Reading) -> set[str]:
    return {unread.rule for unread in reading.unread}


def test_every_fact_of_a_statement_is_read():
    reading = read(
        "Ventricles (2.6 % of intracranial volume): 27.6 mL on the left and 14.4 mL on the right, "
        "larger on the left; the asymmetry index of 63.0 % lies beyond the limit of 20 %.",
        VENTRICLES,
    )

    assert reading.unread == ()
    assert reading.figures == {Quantity.SHARE, Quantity.LEFT, Quantity.RIGHT, Quantity.ASYMMETRY}
    assert reading.larger_sides == ("left",)
    [direction] = reading.directions
    assert (direction.level, direction.matter) == (Level.ASYMMETRIC, Matter.SIDES)
    assert direction.held
    assert direction.proven


@pytest.mark.parametrize(
    "text",
    [
        "L 27.6 mL, R 14.4 mL: ventricles.",
        "Ventricles: left and right 27.6 mL and 14.4 mL, respectively.",
        "Of the ventricles, 14.4 mL lie on the right against 27.6 mL on the left.",
        "The ventricles measure 27.6 mL (left) and 14.4 mL (right).",
    ],
)
def test_sides_stand_beside_their_own_figure(text: str):
    assert read(text, VENTRICLES).figures == {Quantity.LEFT, Quantity.RIGHT}
    assert read(text, VENTRICLES).unread == ()
    swapped = text.replace("27.6", "?").replace("14.4", "27.6").replace("?", "14.4")
    assert rules(read(swapped, VENTRICLES)) & {"number", "laterality"}


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("Brain 842 mL, below the band of 933 to 1526 mL.", Level.BELOW),
        ("The brain volume of 842 mL lies under the lower end of the band, 933 mL.", Level.BELOW),
        ("The band of 933\u20131526 mL contains the brain volume of 842 mL.", Level.WITHIN),
        ("The band (933 to 1526 mL) is exceeded by the brain volume of 842 mL.", Level.ABOVE),
        ("Brain volume 842 mL; band 933 to 1526 mL; outside.", Level.OUTSIDE),
    ],
)
def test_directions_are_held_against_what_is_named(text: str, level: Level):
    reading = read(text, BRAIN)

    assert reading.unread == ()
    assert [(d.level, d.matter, d.proven) for d in reading.directions] == [
        (level, Matter.LEVEL, True)
    ]


@pytest.mark.parametrize(
    "text",
    [
        # As if the volume were the distance
        "The brain volume is 842 mL below the band of 933 to 1526 mL.",
        "The brain volume of 842 mL lies above the lower end of the band.",  # tells no direction
        "The brain is below the band of 1526 to 933 mL.",
        "The brain of 842 mL is the lower end of the band.",
        "The brain fell to 842 mL.",
        "Only 842 mL of the brain are left.",
        "The brain contains a structure of 842 mL.",
        "The brain volume of 842 mL is low.",
        "The brain volume of 842 mL can be below the band.",
        "Each side of the brain lies below the band of 933 to 1526 mL.",
    ],
)
def test_what_a_measurement_cannot_prove_is_not_read(text: str):
    reading = read(text, BRAIN)

    assert reading.unread or not all(direction.proven for direction in reading.directions)


@pytest.mark.parametrize(
    "text",
    [
        "The ventricles of 42.0 mL lie beyond the limit of 20 %.",
        "The ventricles lie beyond the limit of 20 %.",
        "The right ventricle, 14.4 mL, exceeds the limit of 20 %.",
    ],
)
def test_a_limit_of_the_sides_says_nothing_of_a_volume(text: str):
    [direction] = read(text, VENTRICLES).directions
    assert not direction.proven


def test_a_criterion_says_nothing_of_a_width():
    text = "The frontal horns of 45.0 mm lie above the criterion of 0.3."
    [direction] = read(text, EVANS).directions
    assert not direction.proven


@pytest.mark.parametrize(
    "text",
    [
        "The left ventricle measures 27.6 mL, 2.6 % of intracranial volume.",
        "The left ventricle measures 27.6 mL. Its volume is 42.0 mL.",
        "The left ventricle is larger, at 42.0 mL.",
        "The asymmetry of the ventricles is 42.0 mL.",
        "The left ventricle of 27.6 mL equals the right ventricle of 14.4 mL.",
        "The left ventricle is 27.6 mL larger than the right, 14.4 mL.",
        "The ventricles measure 42.0 mL each.",
    ],
)
def test_a_true_figure_is_not_said_of_another_part(text: str):
    assert read(text, VENTRICLES).unread


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Ventricles 42.0 mL; no verdict is given.", Matter.LEVEL),
        ("No verdict is given on the side difference of the ventricles.", Matter.SIDES),
        ("Ventricles: asymmetry index 63.0 %, without a verdict.", Matter.SIDES),
        ("For the ventricles, 42.0 mL, no comparison of this volume is made.", Matter.LEVEL),
        (
            "The ventricles measure 42.0 mL: 27.6 mL on the left and 14.4 mL on the right; "
            "no verdict is given. The asymmetry index of 63.0 % exceeds the limit of 20 %.",
            Matter.LEVEL,
        ),
        (
            "The ventricles measure 42.0 mL: 27.6 mL on the left and 14.4 mL on the right; "
            "no verdict is given. The asymmetry index is 63.0 %.",
            Matter.SIDES,
        ),
        (
            "The ventricles measure 42.0 mL, with an asymmetry index of 63.0 %; "
            "no verdict is given. The index exceeds the limit of 20 %.",
            Matter.SIDES,
        ),
    ],
)
def test_what_has_no_verdict_is_known(text: str, about: Matter):
    reading = read(text, VENTRICLES)

    assert reading.unread == ()
    assert reading.withheld == (about,)


def test_a_text_that_is_no_statement_is_not_read():
    assert rules(read("word " * 200, BRAIN)) == {"vocabulary"}
    assert rules(read("Brain !?!?!?!? 842 mL", BRAIN)) == {"vocabulary"}


@pytest.mark.parametrize("symbol", ["N", "LEFT", "D0", "LIMIT", "#T", "UNJUDGED"])
def test_the_symbols_of_the_reader_are_no_words(symbol: str):
    assert read(f"Brain 842 mL {symbol}.", BRAIN).unread
