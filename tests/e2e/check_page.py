"""The operator page in a real browser: usage: check_page.py ADDRESS GATEWAY_PID PICTURES

Reads the list, an event with its citations and charts, acknowledges, shelves, gives feedback, by mouse and by
keyboard, in two languages and two widths; the browser's own log must stay empty (no script, style or policy fault).
Pictures are left in the folder PICTURES.  At the end the gateway is stopped: the page must say so."""
import json
import os
import re
import signal
import sys
import urllib.request
from pathlib import Path

from webdriver import Browser, Failure

WIDE, NARROW = (1280, 900), (360, 740)
TAB, ENTER, SPACE = "\ue004", "\ue007", " "


def get(address: str) -> dict:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=10) as answer:
        return json.load(answer)


def contrast_faults(browser: Browser) -> list:
    """Texts whose contrast with the ground behind them is under 4.5 (WCAG 2.2, 1.4.3)."""
    return browser.run("""
        const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
        const lum = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
            return .2126 * r + .7152 * g + .0722 * b; };
        const over = (top, under) => { const a = top[3] ?? 1; return under.map((v, i) => i < 3 ? top[i] * a + v * (1 - a) : 1); };
        const ground = (e) => { const stack = []; for (; e; e = e.parentElement) stack.push(rgb(getComputedStyle(e).backgroundColor));
            return stack.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
        const bad = [];
        for (const e of document.querySelectorAll('body *')) {
            const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
            if (!own || !e.checkVisibility() || e instanceof SVGElement || e.disabled) continue;
            const a = lum(rgb(getComputedStyle(e).color)), b = lum(ground(e));
            const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
            if (ratio < 4.5) bad.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${e.textContent.slice(0, 30)}`);
        }
        return bad;""")


def nameless(browser: Browser) -> list:
    """Controls and pictures that a screen reader could not name."""
    return browser.run("""
        return [...document.querySelectorAll('button, input, select, a, [role=button], svg[role=img], meter')].filter((e) => e.checkVisibility())
            .filter((e) => !(e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim() || e.textContent.trim())).map((e) => e.outerHTML.slice(0, 90));""")


def check_layout(browser: Browser, what: str) -> None:
    wide, room = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room, f"{what}: {wide} pixels wide in {room}"
    assert not (bad := contrast_faults(browser)), f"{what}: {bad}"
    assert not (bad := nameless(browser)), f"{what}: no name: {bad}"
    assert not (bad := browser.log()), f"{what}: {bad}"


def open_event(browser: Browser, event: str) -> None:
    browser.run("location.hash = arguments[0]", event)
    browser.wait("the event", "return document.querySelector('#charts svg[role=img]') && location.hash.slice(1) === arguments[0]"
                 " && document.querySelector('#event').checkVisibility()", event)


def check_citations(browser: Browser, event: dict) -> None:
    """Each marked part is exactly the bytes that its citation counts; choosing one tells the statistic."""
    shown = browser.run("return [...document.querySelectorAll('#explanation .cite')].map((e) => [e.dataset.reference, e.textContent])")
    text = event["explanation"].encode()
    wanted = [[c["reference"], text[c["from"]:c["to"]].decode()] for c in sorted(event["citations"], key=lambda c: c["from"])]
    assert shown == wanted, f"{shown} instead of {wanted}"
    assert browser.run("return document.querySelector('#explanation').textContent") == event["explanation"]
    for cited in event["citations"]: # the words differ from run to run; each must tell what it rests on
        if any(c is not cited and c["reference"] == cited["reference"] for c in event["citations"]):
            continue
        browser.click(f"[data-reference='{cited['reference']}']")
        statistic = browser.text("#statistic")
        assert statistic.startswith(cited["reference"]), statistic
        told = [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", statistic)]
        if re.match(r"c\d", cited["reference"]):
            channel = int(cited["reference"][1]) - 1
            assert event["channels"][channel]["channel"] in statistic, statistic
            assert cited["value"] is None or cited["value"] in told or round(cited["value"] * 100, 1) in told, statistic
            marks = browser.run("return [...document.querySelectorAll('.chart')].map((f) => f.dataset.mark ?? '')")
            assert [i for i, mark in enumerate(marks) if mark] == [channel], (cited, marks)


def check_chart(browser: Browser, event: dict) -> None:
    n = browser.run("return document.querySelectorAll('#charts svg[role=img]').length")
    assert n == len(event["window"]["channels"]), n
    bands = browser.run("return [...document.querySelectorAll('#charts svg[role=img]')].map((s) => s.querySelectorAll('.band').length)")
    assert bands == [int((c["spread"] or 0) > 0) for c in event["channels"][:n]], bands
    values = [row[0] for row in event["window"]["value"]]
    gaps = sum(1 for a, b in zip([None] + values, values) if a is None and b is not None)
    path = browser.run("return document.querySelector('.chart path.measured').getAttribute('d')")
    assert path.count("M") == gaps and path.count("M") + path.count("L") == sum(v is not None for v in values)
    browser.click(".chart details summary")
    rows = browser.wait("the table", "return document.querySelectorAll('.chart tbody tr').length")
    assert rows == len(values)


def check_optional(browser: Browser, event: dict) -> None:
    """What only some events carry: spreads, limits, gaps, ranked causes, claims of all kinds."""
    event = json.loads(json.dumps(event))
    for channel in event["channels"]:
        channel |= {"spread": None, "limit": None}
    event["channels"][0] |= {"spread": 0.1, "limit": event["channels"][0]["value"]}
    event["window"]["value"][3][0] = event["window"]["value"][5][0] = None
    event["causes"] = [{"channel": "valve <1>", "fault": "valve_stuck", "site_fault": "", "name": "stuck valve",
                         "cause": "stem", "check": "stroke", "probability": 0.62, "why": ["upstream", "unheard_of"], "of": "flow"}]
    text = event["explanation"] = "11월 25일 22시부터 압력이 한계를 넘었습니다."
    at = [len(text[:n].encode()) for n in range(13)]
    event["citations"] = [{"from": at[0], "to": at[2], "reference": "c1.over_limit", "value": 0.5},
                          {"from": at[2], "to": at[2] + 1, "reference": "c1.rose", "value": 1}, # in the midst of a letter
                          {"from": at[1], "to": at[6], "reference": "c1.value", "value": 1},
                          {"from": at[2], "to": at[6], "reference": "others.steady", "value": None},
                          {"from": at[9], "to": at[12], "reference": "c9.unheard", "value": 7},
                          {"from": at[12], "to": 5000, "reference": "c1.dev", "value": 1}]
    seen = browser.run_async("""
        const [event, done] = arguments;
        Promise.all([import('/event.js'), import('/citation.js')]).then(([{ showEvent }, { describe, pieces }]) => {
            showEvent(event, (code) => code, true);
            requestAnimationFrame(() => setTimeout(() => done({
                bands: document.querySelectorAll('.chart:first-child svg[role=img] .band').length, others: document.querySelectorAll('.chart:not(:first-child) svg[role=img] .band').length,
                limits: document.querySelectorAll('.limit').length, causes: document.querySelector('#causes ol').innerText,
                points: document.querySelectorAll('.measured-point').length,
                parts: pieces(event.explanation, event.citations).map(([text, c]) => [text, c?.reference ?? '']),
                told: event.citations.map((c) => { const p = document.createElement('p'); p.append(...describe(c, event)); return p.textContent; }) }), 200));
        }, (error) => done(String(error)));""", event)
    assert isinstance(seen, dict), seen
    assert (seen["bands"], seen["others"], seen["limits"], seen["points"]) == (1, 0, 1, 1), seen
    assert "valve <1>" in seen["causes"] and "62 %" in seen["causes"] and "stuck valve" in seen["causes"], seen["causes"]
    assert "flow" in seen["causes"] and "unheard of" in seen["causes"], seen["causes"]
    assert "".join(part for part, _ in seen["parts"]) == text, "text is lost or doubled where citations overlap"
    assert [c for _, c in seen["parts"] if c] == ["c1.over_limit", "others.steady", "c9.unheard"], seen["parts"]
    assert seen["parts"][0][0] == text[:2] and all(told.strip() for told in seen["told"]), seen
    assert "0.5 mm/s" in seen["told"][0] and "unheard" in seen["told"][4] and "·" not in seen["told"][3], seen["told"]


def check_keyboard(browser: Browser) -> None:
    """Tab reaches the citations; Enter pins one, Space lets it go."""
    browser.run("document.querySelector('#event').focus()")
    for _ in range(12):
        browser.press(TAB)
        if browser.run("return document.activeElement.classList.contains('cite')"):
            break
    else:
        raise AssertionError("Tab does not reach a citation")
    assert browser.run("return document.querySelector('#statistic code').textContent === document.activeElement.dataset.reference")
    browser.press(ENTER)
    assert browser.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    browser.press(SPACE)
    assert browser.run("return document.activeElement.getAttribute('aria-pressed')") == "false"


def operate(browser: Browser, address: str, event: str) -> None:
    """Acknowledge, shelve, unshelve, feedback; the gateway has it, and the log on the page."""
    def told(script: str, what: str):
        browser.wait(what, script)
        return get(f"{address}v1/events/{event}")

    browser.type("#who", "Kim 김")
    browser.type("#note", "seen <b>it</b>")
    browser.click("#ack")
    now = told("return document.querySelector('#ack').disabled && document.querySelectorAll('#log li').length >= 2", "acknowledged")
    assert now["state"] in ("acknowledged-active", "normal"), now["state"]
    assert any(e["who"] == "Kim 김" and e["what"] == "acked" and e["note"] == "seen <b>it</b>" for e in now["log"]), now["log"]
    assert browser.run("return !document.querySelector('#log b')") and "seen <b>it</b>" in browser.text("#log")
    browser.click("#shelve")
    assert told("return !document.querySelector('#unshelve').hidden", "shelved")["state"] == "shelved"
    browser.wait("the machine's line", "return document.querySelector('.machine.state-shelved')")
    browser.click("#unshelve")
    assert told("return document.querySelector('#unshelve').hidden", "unshelved")["state"] != "shelved"
    browser.click("[data-said=false]")
    assert told("return document.querySelector('[data-said=false]').ariaPressed === 'true'", "feedback")["feedback"] == "false"
    browser.wait("the mark in the list", "return document.querySelector('#event-list .feedback-false')")


def check_filters(browser: Browser, events: list) -> None:
    browser.run("location.hash = ''")
    browser.wait("the list", "return !document.body.classList.contains('reading')")
    asset = events[0]["asset"]
    wanted = [e["id"] for e in events if e["asset"] == asset]
    browser.click(f"#machine-list [data-key='{asset}']")
    browser.wait("one machine's events", "return JSON.stringify([...document.querySelectorAll('#event-list a')].map((a) => a.dataset.key)) === arguments[0]",
                 json.dumps(wanted, separators=(",", ":")))
    browser.click(f"#machine-list [data-key='{asset}']")
    browser.wait("all of them", "return document.querySelectorAll('#event-list a').length === arguments[0]", len(events))


def take_pictures(browser: Browser, language: str, event: str, folder: Path) -> None:
    for name, size in (("wide", WIDE), ("narrow", NARROW)):
        browser.size(*size)
        for dark in (False, True):
            browser.dark(dark)
            browser.run("location.hash = ''")
            browser.wait("the list", "return !document.body.classList.contains('reading')")
            check_layout(browser, f"list, {language}, {name}, dark {dark}")
            browser.picture(folder / f"list-{language}-{name}{'-dark' if dark else ''}.png")
            open_event(browser, event)
            check_layout(browser, f"event, {language}, {name}, dark {dark}")
            browser.picture(folder / f"event-{language}-{name}{'-dark' if dark else ''}.png")
    browser.size(*WIDE)
    browser.dark(False)


def main() -> int:
    address, gateway, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    events = get(f"{address}v1/events")["events"]
    present = next(a["event"] for a in get(f"{address}v1/assets")["assets"] if a["asset"] == events[0]["asset"])
    event = get(f"{address}v1/events/{present}")
    with Browser("ko-KR", *WIDE) as browser:
        browser.size(*WIDE)
        browser.open(address)
        browser.wait("the events", "return document.querySelectorAll('#event-list a').length === arguments[0]", len(events))
        assert browser.run("return document.documentElement.lang") == "ko", "the browser's language is not taken"
        assert "설비" in browser.text("h2")
        open_event(browser, present)
        check_citations(browser, event)
        check_chart(browser, event)
        check_keyboard(browser)
        check_optional(browser, event)
        browser.open(address)
        open_event(browser, present)
        operate(browser, address, present)
        check_filters(browser, get(f"{address}v1/events")["events"])
        take_pictures(browser, "ko", present, folder)
        browser.click("[data-language=en]")
        assert browser.run("return document.documentElement.lang") == "en" and browser.text("#ack") == "Acknowledge"
        take_pictures(browser, "en", present, folder)
        try: # a page that is told to load something foreign may not
            browser.run("const s = document.createElement('script'); s.textContent = 'window.stranger = 1'; document.head.append(s)")
        except Failure:
            pass
        assert browser.run("return window.stranger === undefined") and any("Content Security Policy" in line for line in browser.log())
        os.kill(gateway, signal.SIGTERM)
        browser.wait("that nobody answers", "return document.querySelector('#gone').checkVisibility() && document.querySelector('[data-said=true]').disabled")
        browser.picture(folder / "gone.png")
    print(f"{len(list(folder.glob('*.png')))} pictures, {len(event['citations'])} citations, {len(events)} events")
    return 0


if __name__ == "__main__":
    sys.exit(main())
