"""Line search for a step length that meets the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array

Evaluation = tuple[float, Array]  # loss and flat gradient

_SUFFICIENT_DECREASE = 1e-4
_CURVATURE = 0.9
_SMALLEST_BRACKET = 1e-9


@dataclass
class _Point:
    """A step length with the loss, the gradient and its slope along the direction there."""

    t: Any
    loss: float
    gradient: Array
    slope: Any


def strong_wolfe(
    evaluate: Callable[[Any], Evaluation],
    t: Any,
    direction: Array,
    loss: float,
    gradient: Array,
    slope: Any,
    max_iterations: int,
) -> tuple[tuple[Any, Evaluation], int]:
    """Find t with loss(t) <= loss(0) + c1 t slope(0) and |slope(t)| <= c2 |slope(0)|.

    Args:
        evaluate: returns loss and gradient at a step length.
        t: the first step length to try.
        direction: the direction of the steps.
        loss: loss at 0.
        gradient: gradient at 0.
        slope: gradient times direction at 0.
        max_iterations: how often the step length may change.

    Returns:
        The step length with loss and gradient there, and the number of evaluations.

    Reference:
        Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6.
    """
    return _Search(evaluate, direction, _Point(0, loss, gradient, slope)).run(t, max_iterations)


class _Search:
    def __init__(
        self, evaluate: Callable[[Any], Evaluation], direction: Array, start: _Point
    ) -> None:
        self.evaluate = evaluate
        self.direction = direction
        self.start = start
        self.evaluations = 0

    def run(self, t: Any, max_iterations: int) -> tuple[tuple[Any, Evaluation], int]:
        ends, left = self._bracket(t, max_iterations)
        best = self._zoom(ends, left) if len(ends) == 2 else ends[0]
        return (best.t, (best.loss, best.gradient)), self.evaluations

    def _at(self, t: Any) -> _Point:
        loss, gradient = self.evaluate(t)
        self.evaluations += 1
        return _Point(t, loss, gradient, gradient @ self.direction)

    def _too_high(self, point: _Point) -> bool:
        start = self.start
        return point.loss > start.loss + _SUFFICIENT_DECREASE * point.t * start.slope

    def _is_flat(self, point: _Point) -> bool:
        return abs(point.slope) <= -_CURVATURE * self.start.slope

    def _bracket(self, t: Any, max_iterations: int) -> tuple[list[_Point], int]:
        """Go on until two steps enclose a good one, or one is good; with the iterations left."""
        previous, point = self.start, self._at(t)
        for done in range(max_iterations):
            if self._too_high(point) or (done > 1 and point.loss >= previous.loss):
                return [previous, point], max_iterations - done
            if self._is_flat(point):
                return [point], 0
            if point.slope >= 0:
                return [previous, point], max_iterations - done
            bounds = point.t + 0.01 * (point.t - previous.t), point.t * 10
            t = _lowest_of_cubic(previous, point, bounds)
            previous, point = point, self._at(t)
        return [self.start, point], 0

    def _zoom(self, ends: list[_Point], iterations: int) -> _Point:
        """Narrow the bracket; return its lower end."""
        low = 0 if ends[0].loss <= ends[1].loss else 1
        width_per_step = abs(self.direction).max()
        stalled = False
        for _ in range(iterations):
            if abs(ends[1].t - ends[0].t) * width_per_step < _SMALLEST_BRACKET:
                break
            t, stalled = _inside(_lowest_of_cubic(ends[0], ends[1]), ends, stalled)
            point = self._at(t)
            if self._too_high(point) or point.loss >= ends[low].loss:
                ends[1 - low] = point
                low = 0 if ends[0].loss <= ends[1].loss else 1
                continue
            if self._is_flat(point):
                return point
            if point.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = point
        return ends[low]


def _inside(t: Any, ends: list[_Point], stalled: bool) -> tuple[Any, bool]:
    """Keep a trial off the bracket's ends; tell whether it came close to one.

    A second trial in a row that is close, or one at the end, moves inwards by a tenth of the width.
    """
    lower, upper = sorted(end.t for end in ends)
    margin = 0.1 * (upper - lower)
    if min(upper - t, t - lower) >= margin:
        return t, False
    if not (stalled or t >= upper or t <= lower):
        return t, True
    return (upper - margin if abs(t - upper) < abs(t - lower) else lower + margin), False


def _lowest_of_cubic(a: _Point, b: _Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """Return where the cubic through both points with their slopes is lowest, within bounds."""
    left, right = (a, b) if a.t <= b.t else (b, a)
    lower, upper = (left.t, right.t) if bounds is None else bounds
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (lower + upper) / 2.0
    d2 = np.sqrt(square)
    fraction = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
    return min(max(right.t - (right.t - left.t) * fraction, lower), upper)
