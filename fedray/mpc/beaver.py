"""Products of two shared values, by the dealer's triples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring, matmul

Parts = Mapping[str, Ring]
Rows = Sequence[int] | None


@dataclass(frozen=True, eq=False)
class Opened:
    """Operands of a dense layer less their masks, in clear: a = x - A, w = y - W, d = residual - D, s = slope - S."""

    a: Ring
    w: Ring
    d: Ring | None = None
    s: Ring | None = None


@dataclass(frozen=True, eq=False)
class OpenedProduct:
    """What `open_mul` started: x - A and y - B, there after the round, the rows, and the scale of x y."""

    d: Pending
    e: Pending
    rows: Rows
    scale: float


def open_mul(r: Round, x: Share, y: Share, parts: Parts, rows: Rows = None) -> OpenedProduct:
    """Open the operands of [x y] less their masks in the round `r`; `close_mul` takes the result.

    Parameters
    ----------
    x, y
        Of one shape, at any scales.
    parts
        A, B, C of the step: a `Triple` of y's shape with these `rows`.
    rows
        For each row of y the row of x that multiplies it: x is opened once for several products.

    Cost: n (n - 1) (|x| + |y|) elements, in the caller's round; one triple.
    Leaks: nothing (both are uniform).
    Ref: [Bea91].
    """
    a, b = parts["A"], parts["B"]
    return OpenedProduct(r.open(x.value_for(a) - a), r.open(y.value_for(b) - b), rows, x.scale * y.scale)


def close_mul(s: Session, opened: OpenedProduct, parts: Parts) -> Share:
    """Return [x y], of y's shape and at the product of the scales, when the round of `open_mul` has ended; local.

    With a triple [A], [B], [C], C = A B, and d = x - A, e = y - B:

        [z] = [C] + d [B] + e [A] + d e         (d e at one party only)
    """
    d, e, a = opened.d.value, opened.e.value, parts["A"]
    if opened.rows is not None:
        d, a = d[list(opened.rows)], a[list(opened.rows)]
    z = parts["C"] + d * parts["B"] + e * a
    return Share(z + d * e if s.rank == 0 else z, opened.scale)


def mul(s: Session, x: Share, y: Share, parts: Parts) -> Share:
    """Return [x y], elementwise, at the product of the scales: `open_mul` and `close_mul` in a round of their own.

    Cost: 1 round; 2 n (n - 1) |x| elements; one triple.
    Leaks: nothing (both openings are uniform).
    Ref: [Bea91].
    """
    with s.round("mul") as r:
        opened = open_mul(r, x, y, parts)
    return close_mul(s, opened, parts)


@dataclass(frozen=True, eq=False)
class OpenedSquare:
    """What `open_square` started: x - A, there after the round, and the scale of x x."""

    d: Pending
    scale: float


def open_square(r: Round, x: Share, parts: Parts) -> OpenedSquare:
    """Open the operand of [x x] less its mask in the round `r`; `close_square` takes the result.

    Parameters
    ----------
    parts
        A, AA of the step: a `SquareMask` of x's shape.

    Cost: n (n - 1) |x| elements, in the caller's round: half of a product's; one square.
    Leaks: nothing (x - A is uniform).
    Ref: [Bea91].
    """
    return OpenedSquare(r.open(x.value_for(parts["A"]) - parts["A"]), x.scale * x.scale)


def close_square(s: Session, opened: OpenedSquare, parts: Parts) -> Share:
    """Return [x x], elementwise, at the square of the scale, when the round of `open_square` has ended; local.

    With [A], [A A] and d = x - A:

        [z] = [A A] + 2 d [A] + d d             (d d at one party only)
    """
    d = opened.d.value
    z = parts["AA"] + (d + d) * parts["A"]
    return Share(z + d * d if s.rank == 0 else z, opened.scale)


def square(s: Session, x: Share, parts: Parts) -> Share:
    """Return [x x], elementwise, at the square of the scale: `open_square` and `close_square` in their own round.

    Cost: 1 round; n (n - 1) |x| elements; one square.
    Leaks: nothing (the opening is uniform).
    Ref: [Bea91].
    """
    with s.round("square") as r:
        opened = open_square(r, x, parts)
    return close_square(s, opened, parts)


def open_layer(s: Session, x: Share, w: Share, parts: Parts, slope: Share | None = None) -> Opened:
    """Open a dense layer's input and weights less their masks, in one round.

    Parameters
    ----------
    slope
        Of the layer below, opened with them for `backward_column`.

    Cost: 1 round; n (n - 1) (|x| + |w|) elements, and with a slope n (n - 1) |slope| more.
    Leaks: nothing (all are uniform).
    Ref: [Bea91].
    """
    with s.round("layer.open") as r:
        a = r.open(x.value_for(parts["A"]) - parts["A"])
        b = r.open(w.value_for(parts["W"]) - parts["W"])
        below = r.open(slope.value_for(parts["S"]) - parts["S"]) if slope is not None else None
    return Opened(a.value, b.value, s=below.value if below else None)


def forward(s: Session, opened: Opened, scale: float, parts: Parts) -> Share:
    """Return [x w] from the openings of `open_layer`; local.

    Parameters
    ----------
    opened
        a = x - A of shape (B, h), w = w - W of shape (h, k).
    scale
        The product of the operands' scales.
    """
    # a [W] + a w at one party only is a ([W] + w): one product fewer
    w = parts["W"] + opened.w if s.rank == 0 else parts["W"]
    return Share(parts["AW"] + matmul(opened.a, w) + matmul(parts["A"], opened.w), scale)


def open_residual(r: Round, residual: Share, parts: Parts) -> Pending:
    """Open a layer's residual less its mask in the round `r`; `backward` takes the pending value.

    Cost: n (n - 1) |residual| elements, in the caller's round.
    Leaks: nothing (it is uniform).
    Ref: [Bea91].
    """
    return r.open(residual.value - parts["D"])


def backward(s: Session, opened: Opened, scales: tuple[float, float, float], parts: Parts) -> tuple[Share, Share]:
    """Return [x^T d] and [d w^T] from the openings of a layer; local.

    Parameters
    ----------
    opened
        With d = residual - D of shape (B, k).
    scales
        Of x, w and the residual.

    Returns
    -------
    tuple
        Shares of shapes (h, k) and (B, h).
    """
    _, w_scale, d_scale = scales
    w, d = opened.w, _residual(opened)
    with_w = parts["W"] + w if s.rank == 0 else parts["W"]
    back = parts["DWt"] + matmul(d, with_w.T) + matmul(parts["D"], w.T)
    return _gradient(s, opened, scales, parts), Share(back, w_scale * d_scale)


def backward_column(
    s: Session, opened: Opened, scales: tuple[float, float, float, float], parts: Parts
) -> tuple[Share, Share]:
    """Return [x^T d] and [d w^T * slope] of a layer of one output, from its openings; local.

    With public d, w, s and the masks D, W, S, the second is (d + D) (w + W) (s + S) for each row's residual, each
    column's weight and each slope, but for the last column, which has none:

        [z] = [S D W] + d [S W] + w [S D] + s ([D W] + d [W] + w [D]) + d w ([S] + s)     (d w s at one party only)

    Parameters
    ----------
    opened
        With d of shape (B, 1) and s of shape (B, h - 1).
    scales
        Of x, w, the residual and the slope.
    parts
        Of a `ColumnTriple`.

    Returns
    -------
    tuple
        Shares of shapes (h, 1) and (B, h - 1).
    """
    if opened.s is None:
        raise ValueError("backward_column needs the opened slope")
    *dense, slope_scale = scales
    d, w, slope = _residual(opened), opened.w[:-1].T, opened.s
    pairs = parts["DWt"] + d * parts["W"][:-1].T + parts["D"] * w
    of_slope = parts["S"] + slope if s.rank == 0 else parts["S"]
    z = parts["SDW"] + d * parts["SW"] + w * parts["SD"] + slope * pairs + d * w * of_slope
    x_scale, w_scale, d_scale = dense
    gradient = _gradient(s, opened, (x_scale, w_scale, d_scale), parts)
    return gradient, Share(z, w_scale * d_scale * slope_scale)


def _residual(opened: Opened) -> Ring:
    if opened.d is None:
        raise ValueError("backward needs the opened residual")
    return opened.d


def _gradient(s: Session, opened: Opened, scales: tuple[float, float, float], parts: Parts) -> Share:
    a, d = opened.a, _residual(opened)
    # the public product joins one party's summand, as in `forward`
    with_a = parts["A"] + a if s.rank == 0 else parts["A"]
    x_scale, _, d_scale = scales
    return Share(parts["AtD"] + matmul(a.T, parts["D"]) + matmul(with_a.T, d), x_scale * d_scale)
