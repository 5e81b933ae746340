"""The sentences that answers are made of, in English and Korean.

Tokens stand apart by spaces; "+x" joins to what stands before; "{...}" is a reference that the
gateway renders from measurements (schemas/prompt.md).  "@when" and "@When" become the onset.
Opening sentences are listed by how many channels they cite.  A direction or a movement is only
ever a reference, so no sentence can claim a wrong one.
"""
from __future__ import annotations

from typing import Mapping, Sequence

Sentences = Sequence[str]

WHEN: Mapping[str, Mapping[str, str]] = {
    "en": {"known": "since {onset}", "before": "since before this window"},
    "ko": {"known": "{onset} +부터", "before": "이 구간 이전부터"},
}
WHEN_FIRST: Mapping[str, Mapping[str, str]] = {
    "en": {"known": "Since {onset}", "before": "Since before this window"},
    "ko": WHEN["ko"],
}

NORMAL: Mapping[str, Sentences] = {
    "en": (
        "All channels follow their normal pattern +.",
        "Nothing unusual in this window +.",
        "The machine runs as it did while it was learnt +.",
    ),
    "ko": (
        "모든 채널이 정상 양상을 따릅니다 +.",
        "이 구간에 특이 사항이 없습니다 +.",
        "학습된 정상 상태로 운전되고 있습니다 +.",
    ),
}

# The deviation of the first channel, for faults without a wording of their own.
OPENING: Mapping[str, Sentences] = {
    "en": (
        "{c1.name} reads {c1.value} +, {c1.dev} {c1.dir} its normal {c1.normal} +, @when +.",
        "@When +, {c1.name} has been {c1.dir} its normal {c1.normal} +; it reads {c1.value} +.",
        "{c1.name} {c1.move} @when and reads {c1.value} +, {c1.dev} {c1.dir} {c1.normal} +.",
        "{c1.name} is {c1.dev} {c1.dir} what its history expects @when +: {c1.value} +.",
        "@When +, {c1.name} {c1.move} to {c1.value} +; {c1.normal} would be normal +.",
        "{c1.name} has been away from its normal {c1.normal} @when +, out to {c1.value} +.",
    ),
    "ko": (
        "@when {c1.name} {josa:이/가} 정상값 {c1.normal} +보다 {c1.dev} {c1.dir} 나타나 "
        "{c1.value} {josa:을/를} 가리킵니다 +.",
        "{c1.name} {josa:은/는} @when 정상값 {c1.normal} +보다 {c1.dir} 벗어나 있으며 "
        "측정값은 {c1.value} +입니다 +.",
        "@when {c1.name} {josa:이/가} 정상값 {c1.normal} {josa:을/를} 벗어나 {c1.value} +까지 "
        "움직였습니다 +.",
        "{c1.name} 측정값 {c1.value} {josa:은/는} @when 정상보다 {c1.dev} {c1.dir} 나타납니다 +.",
        "@when {c1.name} {josa:이/가} {c1.value} {josa:으로/로} 나타나며 정상값은 "
        "{c1.normal} +입니다 +.",
        "{c1.name} {josa:이/가} 예상되는 {c1.normal} +보다 {c1.dev} {c1.dir} 나타납니다 +. "
        "@when 이어진 변화입니다 +.",
    ),
}

OPENING_NO_CHANNEL: Mapping[str, Sentences] = {
    "en": (
        "The machine left its usual pattern @when +.",
        "@When +, the signals together do not fit what was learnt +.",
    ),
    "ko": (
        "@when 기계가 평소의 양상을 벗어났습니다 +.",
        "@when 전체 신호가 학습된 양상과 맞지 않습니다 +.",
    ),
}

# What one fault looks like on the first channel.
SYMPTOM: Mapping[str, Mapping[str, Sentences]] = {
    "spike": {
        "en": (
            "{c1.name} jumped to {c1.value} for a moment +; {c1.normal} is normal +.",
            "A single jump of {c1.name} to {c1.value} stands out from its normal {c1.normal} +.",
        ),
        "ko": (
            "{c1.name} {josa:이/가} 순간적으로 {c1.value} +까지 튀었습니다 +. 정상값은 {c1.normal} +입니다 +.",
            "{c1.name} +에서 정상값 {c1.normal} {josa:을/를} 벗어난 순간 값 {c1.value} {josa:이/가} 보입니다 +.",
        ),
    },
    "dropout": {
        "en": (
            "Readings of {c1.name} are lost or fall away @when +.",
            "@When +, {c1.name} keeps losing its reading +; the last odd value is {c1.value} +.",
        ),
        "ko": (
            "@when {c1.name} 측정값이 끊기거나 사라집니다 +.",
            "{c1.name} 신호가 @when 자주 끊깁니다 +. 마지막 이상 값은 {c1.value} +입니다 +.",
        ),
    },
    "stuck": {
        "en": (
            "{c1.name} has stood still at {c1.value} @when +, while the machine runs on +.",
            "@When +, {c1.name} does not change any more +; it stays at {c1.value} +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} {c1.value} +에 멈춰 있으나 기계는 계속 움직입니다 +.",
            "{c1.name} {josa:은/는} @when 변하지 않고 {c1.value} +에 머물러 있습니다 +.",
        ),
    },
    "bias": {
        "en": (
            "{c1.name} reads {c1.value} +, {c1.dir} its normal {c1.normal} @when +, "
            "and the other channels do not agree +.",
            "@When +, {c1.name} is shifted by {c1.dev} +; "
            "it reads {c1.value} instead of {c1.normal} +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} 정상값 {c1.normal} +보다 {c1.dir} 나타나지만 다른 채널과 맞지 않습니다 +.",
            "{c1.name} {josa:이/가} @when {c1.dev} +만큼 어긋나 {c1.value} {josa:을/를} 가리킵니다 +.",
        ),
    },
    "drift": {
        "en": (
            "{c1.name} creeps away from its normal {c1.normal} @when +, now {c1.value} +.",
            "@When +, {c1.name} slowly wanders +; it is {c1.dev} {c1.dir} normal +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} 정상값 {c1.normal} +에서 서서히 벗어나 {c1.value} +에 이르렀습니다 +.",
            "{c1.name} {josa:이/가} @when 천천히 어긋나 정상보다 {c1.dev} {c1.dir} 나타납니다 +.",
        ),
    },
    "noise": {
        "en": (
            "{c1.name} scatters far more than usual @when +, up to {c1.value} +.",
            "@When +, the readings of {c1.name} are restless +, {c1.dev} off at the worst +.",
        ),
        "ko": (
            "@when {c1.name} 측정값이 평소보다 크게 흩어지며 {c1.value} +까지 나타납니다 +.",
            "{c1.name} 신호에 @when 잡음이 심하며 가장 클 때 {c1.dev} 벗어납니다 +.",
        ),
    },
    "saturation": {
        "en": (
            "{c1.name} is cut off at {c1.value} @when +.",
            "@When +, {c1.name} runs into a limit near {c1.value} and cannot follow +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} {c1.value} +에서 잘려 나타납니다 +.",
            "{c1.name} {josa:은/는} @when {c1.value} 부근의 한계에 걸려 변화를 따라가지 못합니다 +.",
        ),
    },
    "unit_error": {
        "en": (
            "{c1.name} reads {c1.value} where {c1.normal} is expected @when +, "
            "as if its unit or scale had changed +.",
            "@When +, the scale of {c1.name} does not fit +: {c1.value} instead of {c1.normal} +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} {c1.normal} 대신 {c1.value} {josa:을/를} 가리켜 "
            "단위나 배율이 바뀐 듯합니다 +.",
            "{c1.name} +의 배율이 @when 맞지 않습니다 +: 정상값 {c1.normal} +, 측정값 {c1.value} +.",
        ),
    },
    "lag": {
        "en": (
            "{c1.name} answers late @when +; it trails the other channels +.",
            "@When +, {c1.name} follows the machine too slowly +, {c1.dev} off at the worst +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} 다른 채널보다 늦게 따라갑니다 +.",
            "{c1.name} +의 반응이 @when 느려져 가장 클 때 {c1.dev} 벗어납니다 +.",
        ),
    },
    "hunting": {
        "en": (
            "{c1.name} swings around its normal {c1.normal} @when +, out to {c1.value} +.",
            "@When +, {c1.name} swings instead of settling +; the swing reaches {c1.value} +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} 정상값 {c1.normal} 주위에서 흔들려 {c1.value} +까지 나타납니다 +.",
            "{c1.name} {josa:이/가} @when 안정되지 못하고 {c1.value} +까지 흔들립니다 +.",
        ),
    },
    "coupling_change": {
        "en": (
            "{c1.name} no longer moves with the other channels as it did @when +.",
            "@When +, {c1.name} reads {c1.value} where the other channels call for {c1.normal} +.",
        ),
        "ko": (
            "@when {c1.name} {josa:이/가} 다른 채널과 예전처럼 함께 움직이지 않습니다 +.",
            "@when 다른 채널로 보면 {c1.name} {josa:은/는} {c1.normal} +이어야 하나 "
            "{c1.value} {josa:을/를} 가리킵니다 +.",
        ),
    },
}

COMPANY: Mapping[str, Mapping[int, Sentences]] = {
    "en": {
        2: (
            "{c2.name} {c2.move} with it +.",
            "{c2.name} deviates too +, by {c2.dev} +.",
            "{c2.name} goes along and reads {c2.value} +.",
        ),
        3: (
            "{c2.name} and {c3.name} deviate with it +.",
            "{c2.name} {c2.move} and {c3.name} {c3.move} with it +.",
            "{c2.name} and {c3.name} go along +.",
        ),
    },
    "ko": {
        2: (
            "{c2.name} +도 함께 움직였습니다 +.",
            "{c2.name} +도 {c2.dev} 벗어났습니다 +.",
            "{c2.name} +도 {c2.value} {josa:으로/로} 함께 변했습니다 +.",
        ),
        3: (
            "{c2.name} +, {c3.name} +도 함께 벗어났습니다 +.",
            "{c2.name} +, {c3.name} +도 함께 움직였습니다 +.",
        ),
    },
}

# What a family of faults puts in question; used after the opening, about every second time.
FAMILY_OF: Mapping[str, str] = {
    **dict.fromkeys(("leak", "blockage", "cavitation", "dry_run", "air_ingress"), "flow"),
    **dict.fromkeys(("filter_clogging", "valve_stuck", "valve_leak"), "flow"),
    **dict.fromkeys(("bearing_wear", "imbalance", "misalignment", "looseness"), "rotation"),
    **dict.fromkeys(("lubrication_loss", "belt_slip", "tool_wear"), "rotation"),
    **dict.fromkeys(("cooling_loss", "fouling", "heater_failure"), "heat"),
    **dict.fromkeys(("overload", "phase_loss", "speed_loss"), "drive"),
    **dict.fromkeys(("hunting",), "control"),
    **dict.fromkeys(("disturbance", "coupling_change"), "process"),
}
FAMILY: Mapping[str, Mapping[str, Sentences]] = {
    "flow": {"en": ("The flow path is in question +.",), "ko": ("유로 쪽을 의심할 만합니다 +.",)},
    "rotation": {
        "en": ("The moving parts are in question +.",),
        "ko": ("회전부와 구동부를 의심할 만합니다 +.",),
    },
    "heat": {"en": ("The heat balance is in question +.",), "ko": ("열 균형이 흐트러졌습니다 +.",)},
    "drive": {"en": ("The drive is in question +.",), "ko": ("구동 쪽을 의심할 만합니다 +.",)},
    "control": {"en": ("The control loop is in question +.",), "ko": ("제어 루프를 의심할 만합니다 +.",)},
    "process": {
        "en": ("The process itself has changed +.",),
        "ko": ("공정 자체가 변했습니다 +.",),
    },
}

NAMING: Mapping[str, Mapping[str, Sentences]] = {
    "process": {
        "en": (
            "This looks like {fault} +; likely cause +: {cause} +.",
            "The pattern fits {fault} +. Likely cause +: {cause} +.",
            "Probably {fault} +, caused by this +: {cause} +.",
        ),
        "ko": (
            "{fault} {josa:으로/로} 보입니다 +. 추정 원인 +: {cause} +.",
            "{fault} +일 때의 양상입니다 +. 추정 원인 +: {cause} +.",
            "{fault} 가능성이 높습니다 +. 주된 원인 +: {cause} +.",
        ),
    },
    "sensor": {
        "en": (
            "The machine itself looks normal +; this is a sensor fault +, {fault} +.",
            "This looks like the sensor and not the machine +: {fault} +. "
            "Likely cause +: {cause} +.",
            "Probably {fault} of the sensor +; likely cause +: {cause} +.",
        ),
        "ko": (
            "기계 자체는 정상으로 보이며 센서 이상 +, {fault} {josa:으로/로} 판단됩니다 +.",
            "기계가 아니라 센서 문제로 보입니다 +: {fault} +. 추정 원인 +: {cause} +.",
            "센서의 {fault} {josa:으로/로} 보입니다 +. 추정 원인 +: {cause} +.",
        ),
    },
    "operation": {
        "en": (
            "The machine is being run differently +: {fault} +. This is not a fault +.",
            "This looks like {fault} +, a change of operation and not a fault +.",
            "It fits {fault} +; no action is needed +.",
        ),
        "ko": (
            "운전 방식이 바뀌었습니다 +: {fault} +. 고장이 아닙니다 +.",
            "고장이 아니라 운전 변화인 {fault} {josa:으로/로} 보입니다 +.",
            "{fault} +일 때의 양상으로 조치가 필요하지 않습니다 +.",
        ),
    },
    "none": {
        "en": (
            "The pattern fits no known fault +.",
            "No known fault looks like this +.",
        ),
        "ko": (
            "알려진 고장 양상과 맞지 않습니다 +.",
            "해당하는 고장 유형을 찾지 못했습니다 +.",
        ),
    },
}

CHECK: Mapping[str, Sentences] = {
    "en": ("Check first +: {check} +.", "First check +: {check} +."),
    "ko": ("먼저 확인할 것 +: {check} +.", "우선 점검 +: {check} +."),
}
LOOK: Mapping[str, Sentences] = {
    "en": ("Look at {c1.name} first +.",),
    "ko": ("{c1.name} +부터 살펴보십시오 +.",),
}
URGENT: Mapping[str, Sentences] = {
    "en": ("Act now +.", "This needs attention now +."),
    "ko": ("즉시 조치가 필요합니다 +.", "지금 바로 확인하십시오 +."),
}
