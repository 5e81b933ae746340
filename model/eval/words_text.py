"""How a measured value, a time or a duration is written in each language: the checker's own reading of
schemas/prompt.md's table of references."""
from __future__ import annotations

import datetime
import math

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
MOST_DEVIATION = 1000


def magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: float, digits: int) -> str:
    """With so many significant digits; very small and very large ones as 1.2e-5."""
    if value == 0:
        return "0"
    if abs(value) < 1e-4 or abs(value) * (1 + 0.5 * 10**-digits) >= 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{without_zeros(mantissa)}e{int(exponent)}"
    decimals = digits - 1 - magnitude(value)
    if decimals >= 0:
        return without_zeros(f"{value:.{decimals}f}")
    unit = 10**-decimals
    return f"{math.copysign(math.floor(abs(value) / unit + 0.5) * unit, value):.0f}"


def measure(value: float, other: float, unit: str) -> str:
    """A value beside another that it is to be told from: two digits of their difference."""
    digits, apart = 4, abs(value - other)
    if value != 0 and apart != 0 and math.isfinite(apart):
        digits = min(max(magnitude(value) - magnitude(apart) + 2, 4), 9)
    space = " " if unit and not unit.startswith("%") else ""
    return f"{number(value, digits)}{space}{unit}"


def deviation(value: float, language: str) -> str:
    huge = abs(value) >= MOST_DEVIATION
    size = MOST_DEVIATION if huge else abs(value)
    times = number(size, magnitude(size) + 1 if size >= 10 else 2)
    if language == "ko":
        return f"정상 변동폭의 {times}배" + (" 이상" if huge else "")
    return ("more than " if huge else "") + f"{times} times its healthy spread"


def direction(sign: int, language: str) -> str:
    return {"en": ("off", "above", "below"), "ko": ("다르게", "높게", "낮게")}[language][sign]


def moment(at: float, language: str, before: bool, utc_offset_s: int = 0) -> str:
    t = datetime.datetime.fromtimestamp(math.floor(at) + utc_offset_s, datetime.timezone.utc)
    if language == "ko":
        return f"{t.month}월 {t.day}일 {t.hour}시 {t.minute}분 {t.second}초" + (" 이전" if before else "")
    clock = f"{t.hour:02d}:{t.minute:02d}:{t.second:02d} on {t.day} {MONTHS[t.month - 1]}"
    return ("before " if before else "") + clock


def duration(length_s: float, language: str, before: bool) -> str:
    second, minute, hour, day = {"en": (" s", " min", " h", " days"), "ko": ("초", "분", "시간", "일")}[language]
    whole = math.floor(length_s)
    minutes, hours = (whole + 30) // 60, (whole + 1800) // 3600
    if whole < 120:
        text = f"{whole}{second}"
    elif minutes < 120:
        text = f"{minutes}{minute}"
    elif minutes < 48 * 60 and minutes % 60:
        text = f"{minutes // 60}{hour} {minutes % 60}{minute}"
    elif hours < 48:
        text = f"{hours}{hour}"
    else:
        text = f"{(whole + 43200) // 86400}{day}"
    if not before:
        return text
    return f"{text} 이상" if language == "ko" else f"more than {text}"
