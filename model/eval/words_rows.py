"""What is true of an event's channels, decided again from the rows that the event carries.

The definitions are those of gateway/core/claim.h, without its code.  z = (value - expected) / spread;
A = the rows since the onset, B = the patch before it.  A statistic on the border of its claim by no
more than rounding supports either answer.
"""
from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

TABLES = ("value", "expected", "spread")  # of a window, row by row
PATCH = 4
DEVIATION_MOST = 1000.0
MAD_OF_NORMAL = 0.6745  # median distance from the median, of normal noise of rms 1
RESTLESS = 0.8  # rms step to the spread of z from which it is noise ...
NOISY_SHARE, NOISY_BEFORE = 1.0, 1.5  # ... and to the mean of z, and to the rms step before the onset
DEVIATES = 3.0  # strength from which a channel deviates
ROUNDING = 1e-6  # relative, of what JSON writes


def seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass
class Found:
    """Claims of a channel: those that hold, and those that rounding could make hold."""

    sure: set[str] = field(default_factory=set)
    border: set[str] = field(default_factory=set)

    def decide(self, name: str, statistic: float, least: float) -> None:
        """The claim holds where statistic >= least."""
        if math.isnan(statistic):
            return
        slack = ROUNDING * max(abs(least), abs(statistic), 1.0)
        if statistic >= least + slack:
            self.sure.add(name)
        elif statistic >= least - slack:
            self.border.add(name)

    def supports(self, name: str) -> bool:
        return name in self.sure or name in self.border


@dataclass
class Rows:
    """One channel of an event: its rows, and what the event says of it."""

    value: np.ndarray
    expected: np.ndarray
    own: np.ndarray  # healthy spread of each row, in its operating state
    said: dict[str, Any]  # member of the event's `channels`
    onset: int  # first row of A
    onset_before: bool

    @property
    def spread(self) -> float:
        return self.said["spread"] if self.said["spread"] else math.nan

    @property
    def step(self) -> float:
        return self.said["step"] if self.said["step"] else math.nan

    @cached_property
    def z(self) -> np.ndarray:
        return (self.value - self.expected) / self.spread

    @cached_property
    def own_z(self) -> np.ndarray:
        """Deviations as they are told, by each row's own spread; bounded as the event's are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.clip((self.value - self.expected) / self.own, -DEVIATION_MOST, DEVIATION_MOST)

    @cached_property
    def since(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows after the onset that have a z, counted from it, and their z."""
        part = self.z[self.onset :]
        at = np.flatnonzero(np.isfinite(part))
        return at, part[at]

    @cached_property
    def before(self) -> slice:
        first = max(self.onset - PATCH, 0)
        return slice(first, first + PATCH)

    @cached_property
    def newest(self) -> np.ndarray:
        """Rows of the last readings, as many as a patch has; fewer where there are none."""
        rows = np.flatnonzero(~np.isnan(self.value))
        return rows[-PATCH:]

    # --- numbers ---------------------------------------------------------------------------------

    def mean_now(self) -> float:
        return float(self.value[self.newest].mean()) if len(self.newest) else math.nan

    def mean_before(self) -> float:
        """NaN: the window does not show what was before."""
        if self.onset_before or self.onset < PATCH:
            return math.nan
        return mean(self.value[self.before])

    def peak_row(self) -> int | None:
        """Row of the largest deviation since the onset."""
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.abs((self.value - self.expected) / self.own)[self.onset :]
        return None if np.isnan(far).all() else self.onset + int(np.nanargmax(far))

    def direction(self) -> Found:
        """From the patch means of the deviation."""
        means = [mean(self.own_z[p : p + PATCH]) for p in range(self.onset, len(self.own_z), PATCH)]
        means = [value for value in means if not math.isnan(value)]
        up, down = max([0.0, *means]), max([0.0, *(-value for value in means)])
        found = Found()
        found.decide("above", min(up - 1, up - 2 * down), 0.0)
        found.decide("below", min(down - 1, down - 2 * up), 0.0)
        return found

    # --- claims ----------------------------------------------------------------------------------

    @cached_property
    def claims(self) -> Found:
        """All but those of order."""
        found = Found()
        self._lost(found)
        self._limits(found)
        at, z = self.since
        if not self.spread > 0 or len(z) == 0:
            return found
        self._side(found, z)
        peak = abs(self.deviation)
        found.decide("strong", peak, 15.0)
        found.decide("slight", -peak, -5.0)
        self._still(found)
        self._swings(found, z)
        self._back(found, z)
        self._moved(found)
        self._growing(found, z)
        self._spikes(found, z)
        self._steps(found, at, z)
        return found

    @property
    def deviation(self) -> float:
        """At the peak; bounded as the event's is."""
        row = self.peak_row()
        return float(self.own_z[row]) if row is not None else 0.0

    def _side(self, found: Found, z: np.ndarray) -> None:
        direction = self.direction()
        for name, share in (("above", (z > 0).mean()), ("below", (z < 0).mean())):
            peak = self.deviation if name == "above" else -self.deviation
            if share >= 0.8 and direction.supports(name):
                of = Found()
                of.decide(name, peak, 2.0)
                found.border |= of.border | (of.sure & direction.border)
                found.sure |= of.sure & direction.sure

    def _lost(self, found: Found) -> None:
        missing = np.isnan(self.value[self.onset :])
        found.decide("lost", float(missing.mean()), 0.25)
        if missing[-PATCH:].all() and len(missing) >= PATCH:
            found.sure.add("lost")
        found.decide("gone", float(missing.mean()), 0.7)
        if missing[-8:].all() and len(missing) >= 8:
            found.sure.add("gone")

    def _limits(self, found: Found) -> None:
        """The profile's limit is not in the rows: the event names the one that was passed."""
        limit, values = self.said["limit"], self.value[self.onset :]
        values = values[np.isfinite(values)]
        if limit is None or len(values) == 0:
            return
        if values.max() > limit:
            found.sure.add("over_limit")
        if values.min() < limit:
            found.sure.add("under_limit")

    def _still(self, found: Found) -> None:
        readings = self.value[~np.isnan(self.value)][::-1]
        other = np.flatnonzero(readings != readings[0])
        run = int(other[0]) if len(other) else len(readings)
        if run >= 12 and self.step > 0:
            # Whether a run is unusual on this channel is learnt, and not in the rows.
            found.border.add("still")

    def _moved(self, found: Found) -> None:
        start = mean(self.z[self.before])
        end = mean(self.z[self.newest])
        change = end - start
        at, z = self.since
        if math.isnan(change) or "swings" in found.sure or "back" in found.sure:
            return
        clear = abs(change) - 1.5 * float(z[len(z) // 2 :].std())
        itself = (self.mean_now() - mean(self.value[self.before])) / self.spread
        for name, sign in (("rose", 1), ("fell", -1)):
            found.decide(name, min(sign * change - 2.0, sign * itself - 1.0, clear), 0.0)
            if found.border & {"swings", "back"} and name in found.sure:
                found.sure.discard(name)
                found.border.add(name)
        if not (found.supports("rose") or found.supports("fell")):
            return
        line = correlation(at, z) * math.copysign(1, change)
        if len(z) >= 16:
            found.decide("gradual", min(line - 0.8, line - math.sqrt(best_step(z))), 0.0)
        if not self.onset_before:
            shares = [(z[i] + z[i + 1]) / 2 - start for i in range(len(z) - 1) if at[i] <= 8]
            found.decide("sudden", max([-math.inf, *(share / change for share in shares)]), 0.8)
        if "gradual" in found.sure:
            found.sure.discard("sudden")
            found.border.discard("sudden")
        elif "gradual" in found.border and "sudden" in found.sure:
            found.sure.discard("sudden")
            found.border.add("sudden")

    def _growing(self, found: Found, z: np.ndarray) -> None:
        quarter = len(z) // 4
        if len(z) < 16:
            return
        size = np.abs(z)
        second, third = size[quarter : 2 * quarter].mean(), size[-2 * quarter : -quarter].mean()
        last, patches = size[-quarter:].mean(), np.convolve(size, np.full(PATCH, 1 / PATCH), "valid")
        more = min(last - 3.0, last - 1.5 * second, last - 1.1 * third,
                   patches[-1] - 0.98 * patches.max(), patches[-1] - 1.05 * patches[-9])  # fmt: skip
        found.decide("growing", float(more), 0.0)

    def _back(self, found: Found, z: np.ndarray) -> None:
        last = np.abs(self.z[-PATCH:])
        if np.isnan(last).any():
            return
        found.decide("back", min(float(np.abs(z).max()) - 4.0, 2.0 - float(last.max())), 0.0)

    def _spikes(self, found: Found, z: np.ndarray) -> None:
        size = np.abs(z)
        wild, padded = size >= 6.0, np.pad(size, 1)
        if not wild.any() or wild.mean() > 0.25:
            return
        over = (size - np.maximum(padded[:-2], padded[2:]))[wild].min()
        found.decide("spikes", min(2.0 - float(np.sort(size)[len(size) // 2]), float(over) - 4.0), 0.0)

    def _steps(self, found: Found, at: np.ndarray, z: np.ndarray) -> None:
        steps = np.diff(z)[np.diff(at) == 1]
        healthy = self.step / self.spread
        if len(steps) < 8 or not healthy > 0 or self.said_to_stand():
            return
        squares, rows = steps**2, self.onset + at
        own = np.diff(self.value[rows])[np.diff(at) == 1] / self.step
        own = math.sqrt((own**2).mean())
        rms = math.sqrt(squares.mean()) / healthy
        without = math.sqrt((squares.sum() - squares.max()) / len(squares)) / healthy
        found.decide("calm", min(0.5 - rms, 3.0 - abs(float(z.mean()))), 0.0)
        scatter = float(np.median(np.abs(steps - steps.mean()))) / MAD_OF_NORMAL / healthy
        # Noise goes to and fro from row to row; a ramp, a step or a slow swing moves farther than its steps.
        matters = min(rms * healthy - RESTLESS * float(z.std()),
                      rms * healthy - NOISY_SHARE * abs(float(z.mean())),
                      rms * healthy - NOISY_BEFORE * self.step_before())  # fmt: skip
        if not found.supports("spikes") and not found.supports("swings"):
            found.decide("noisy", min(without - 1.8, scatter - 1.8, own - 1.8, matters), 0.0)

    def step_before(self) -> float:
        """rms step of the rows before the onset; 0 where there are too few."""
        steps = np.diff(self.z[: self.onset])
        steps = steps[np.isfinite(steps)]
        return math.sqrt((steps**2).mean()) if len(steps) >= 8 else 0.0

    def said_to_stand(self) -> bool:
        return "still" in self.said["claims"]

    def _swings(self, found: Found, z: np.ndarray) -> None:
        if len(z) < 16:
            return
        rest = z - z.mean()
        rms = math.sqrt((rest**2).mean())
        if crossings(rest, 0.5 * rms) < 3:
            return
        by_lag = np.array([autocorrelation(rest, lag) for lag in range(2, len(z) // 2 + 1)])
        lowest, after = float(by_lag.min()), by_lag[int(by_lag.argmin()) :]
        beside = autocorrelation(rest, 1)
        slow = beside - 0.5 if len(z) >= 24 else -1.0
        regular = max(slow, min(float(after.max()) - 0.45, beside - 0.2))
        found.decide("swings", min(-0.4 - lowest, rms - 2.0, regular), 0.0)

    def left(self) -> int | None:
        """Row at which it left its normal range; None where it did not, or before the window."""
        if self.onset_before:
            return None
        out = np.abs(self.z) >= 4.0
        rows = np.flatnonzero(out[:-1] & out[1:])
        return int(rows[0]) if len(rows) and rows[0] > 0 else None


def mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 2 or x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def best_step(z: np.ndarray) -> float:
    """Share of the variance that a single step explains at best."""
    whole = float(((z - z.mean()) ** 2).sum())
    parts = [((z[:i] - z[:i].mean()) ** 2).sum() + ((z[i:] - z[i:].mean()) ** 2).sum() for i in range(1, len(z))]
    return 1 - float(min(parts)) / whole if whole > 0 else 0.0


def autocorrelation(rest: np.ndarray, lag: int) -> float:
    whole = float((rest**2).sum())
    return float((rest[:-lag] * rest[lag:]).sum()) / whole if whole > 0 else 0.0


def crossings(rest: np.ndarray, far: float) -> int:
    """Changes of side among what is farther than that from 0."""
    sides = np.sign(rest[np.abs(rest) > far])
    return int((sides[1:] != sides[:-1]).sum())


def order_of(first: Rows, other: Rows) -> str | None:
    a, b = first.left(), other.left()
    if a is None or b is None:
        return None
    return "after" if b - a >= PATCH else "before" if b - a <= -PATCH else "with"


def event_claims(others: dict[str, Any]) -> set[str]:
    if not others["channels"] or others["level"] is None:
        return set()
    found = {"steady"} if others["level"] < 3.0 else set()
    return found | ({"off"} if others["level"] >= 6.0 else set())


def rows_of(event: dict[str, Any]) -> list[Rows]:
    """The event's channels, in its order.  ValueError: it carries no window, or one of another."""
    window = event.get("window")
    names = [channel["channel"] for channel in event["channels"]]
    if not window or window["channels"] != names:
        raise ValueError("no window of these channels")
    tables = [np.array(window[key], dtype=float).reshape(-1, len(names)) for key in TABLES]
    onset, before = window.get("onset_row"), event["onset_before_window"]
    if onset is None:
        onset = round((seconds(event["onset"]) - seconds(window["from"])) / window["period_s"])
        before = before or onset < 0
    onset = min(max(onset, 0), len(tables[0]) - PATCH)
    onset -= onset % PATCH
    return [Rows(*(table[:, i] for table in tables), channel, onset, before)
            for i, channel in enumerate(event["channels"])]  # fmt: skip
