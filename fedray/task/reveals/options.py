"""What the options of a task open beside what its kind does."""

from __future__ import annotations

from fedray.task.reveals.reveal import Reveal

__all__ = ["PARITY", "PUBLIC_MASKS", "P_VALUES"]

_POOLED = "It is the data itself: whoever may not pool the tables must not use parity mode."

PARITY = (
    Reveal("parity_features", "label", "All scaled features of all feature clients, row by row.", _POOLED),
    Reveal(
        "parity_values",
        "label",
        "Every step's linear outputs, activations or predictions, and weights; of trees the scores of all rows.",
        "With the features and labels that the label party has in this mode it learns no more from them.",
    ),
)

PUBLIC_MASKS = (
    Reveal(
        "public_masks",
        "all",
        "INSECURE: all masks follow from the public seed. Whoever sees what the parties say to each other can work out "
        "all scaled features, all labels, and every value of the training.",
        "It is the data itself: whoever may not pool the tables must not use public masks.",
    ),
)

P_VALUES = (
    Reveal(
        "coefficient_z",
        "owner",
        "With p_values: the z value (of a regression the t value) of its own columns' coefficients, at the label "
        "party also that of the intercept.",
        "Its sign is the coefficient's; with what the party knows of its column it tells how much that adds to the "
        "others' columns in telling the label. Many trainings on other rows tell more.",
    ),
    Reveal(
        "p_values",
        "main",
        "With p_values: whether there are z values, not which. Why not is in range_guard: three counts of what left "
        "its range, one of them of columns that are nearly sums of others.",
    ),
)
