"""Predictions that stay on shares, to be opened row by row later.

A model of any kind opens its predictions by `Session.reveal_to`, under one tag. In a session of this class they are
kept there instead, so that rows that nobody asks for are opened to nobody, and the code that predicts all rows at once
is the one that serves single ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.channel import Channel
from fedray.errors import LocalProtocolError
from fedray.ml.scored import PREDICTIONS
from fedray.mpc.session import Session
from fedray.mpc.share import Share

__all__ = ["WithheldPredictions"]

Float = npt.NDArray[np.float64]


class WithheldPredictions(Session):
    """A session in which predictions are not opened but kept.

    Parameters
    ----------
    channel, computing
        As for `Session`.
    """

    def __init__(self, channel: Channel, computing: tuple[int, ...]) -> None:
        super().__init__(channel, computing)
        self._slices: list[Share] = []
        self._whole: Share | None = None

    def reveal_to(self, rank: int, tag: str, share: Share) -> Float | None:
        """Keep predictions; open everything else as any session does.

        Cost: none for predictions, else that of `Session.reveal_to`.
        Leaks: nothing of predictions, else what `Session.reveal_to` does.
        Ref: design.
        """
        if tag != PREDICTIONS:
            return super().reveal_to(rank, tag, share)
        self._slices.append(share)
        return None

    def finish(self) -> int:
        """Put the slices below each other, in their order; return the number of rows. Local."""
        return self.whole().shape[0]

    def whole(self) -> Share:
        """Put the slices below each other, in their order, and return them, on shares still. Local."""
        if not self._slices or len({share.scale for share in self._slices}) != 1:
            raise LocalProtocolError("the model gave no predictions, or some at different scales")
        self._whole = Share(np.vstack([share.value for share in self._slices]), self._slices[0].scale)
        self._slices.clear()
        return self._whole

    def open_rows(self, rank: int, rows: npt.NDArray[np.int64]) -> Float | None:
        """Open the predictions of some rows to the party of a rank; None elsewhere.

        The same summands are opened whenever a row is asked for, so a further opening tells nothing new.

        Cost: 1 round; n - 1 elements for each prediction.
        Leaks: predictions of these rows to that party.
        Ref: protocols, section 17.
        """
        if self._whole is None:
            raise LocalProtocolError("predictions are opened before all rows went through the model")
        return super().reveal_to(rank, PREDICTIONS, Share(self._whole.value[rows], self._whole.scale))
