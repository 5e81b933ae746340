"""Publishes what a gateway must survive and prints, as one JSON object, what it should have counted."""
import json
import sys
import time

from mqtt_wire import Publisher

NAMES = 10000
NOW = int(time.time()) * 1000 - 3600_000

MALFORMED = [
    b"", b"{", b"}", b"\x00", b"\xff\xfe\xfd", b"nan", b"[", b"<html></html>",
    b"[" * 200_000, b'{"a":' * 50_000, b'{"a":[{"b":' * 5_000 + b"1",
    b'{"time":%d,"a":NaN}' % NOW, b'{"time":%d,"a":Infinity}' % NOW, b'{"time":%d,"a":-Infinity}' % NOW,
    b'{"time":%d,"a":1e999}' % NOW, b'{"time":%d,"a":1,"a":2}' % NOW, b'{"time":%d,"time":%d,"a":1}' % (NOW, NOW),
    b'{"time":%d,"\xff\xfe":1}' % NOW, b'{"time":%d,"\xed\xa0\x80":1}' % NOW, b'{"time":%d,"a\\u0000b":1}' % NOW,
    b'{"time":%d,"a\\u0007":1}' % NOW, b'{"time":%d,"%s":1}' % (NOW, b"x" * 200),
    b'{"time":%d}' % NOW, b'{"time":%d,"a":"<script>"}' % NOW, b"{}", b"[]", b"true", b'"text"',
    b'{"a":1}', b'{"time":null,"a":1}', b'{"time":{},"a":1}', b'{"time":"soon","a":1}',
    b'{"time":"0001-01-01T00:00:00Z","a":1}', b'{"time":"9999-12-31T23:59:59Z","a":1}',
    b'{"time":-62135596800000,"a":1}', b'{"time":253402300799000,"a":1}', b'{"time":0,"a":1}', b'{"time":-1,"a":1}',
    b'{"time":1e300,"a":1}', b'{"time":9223372036854775807,"a":1}', b'{"time":99999999999999999999999,"a":1}',
    b'{"time":%d,"a":1}{"time":%d,"a":1}' % (NOW, NOW),
]
PLAIN_MALFORMED = [b"", b"abc", b"NaN", b"inf", b"-inf", b"1e999", b"0x10", b"1,5", b"12 34", b"1\x00", b"\xff", b"9" * 100]
DROPPED = [  # well-formed, but no readings of now: payload, samples, of them dropped
    (b'{"time":%d,"a":1}' % (NOW + 10 * 365 * 86400_000), 1, 1),
    (b'{"time":9000000000000,"a":1}', 1, 1),
    (b'{"time":%d,"a":1e301}' % NOW, 1, 1),
]
GOOD = [  # odd, but readings
    (b"factory/wide", json.dumps({"time": NOW, **{f"c{i}": i for i in range(164)}}).encode(), 164, 36),
    (b"factory/<img src=x onerror=alert(1)>", b'{"time":%d,"<script>alert(1)</script>":1}' % NOW, 1, 0),
    (b"factory/' OR 1=1; DROP TABLE event; --", b'{"time":%d,"%%s%%n%%n":1}' % NOW, 1, 0),
    (b"factory/$1", b'{"time":%d,"../../etc/passwd":1}' % NOW, 1, 0),
    ("factory/펌프 🔥".encode(), '{"time":%d,"압력":1}'.encode() % NOW, 1, 0),
    (b"factory/ancient", b'{"time":1,"a":1}', 1, 0),
    (b"factory/ancient", b'{"time":%d,"a":1}' % NOW, 1, 0),
    (b"factory/twice", b'{"time":%d,"a":1}' % NOW, 1, 0),
    (b"factory/twice", b'{"time":%d,"a":2}' % NOW, 1, 1),
]
BAD_TOPICS = [b"factory/", b"factory/" + b"x" * 200, b"plain//a", b"plain/m/", b"plain/m/" + b"y" * 500]
ELSEWHERE = [b"factory/a/b", b"factory", b"$factory/a", b"$SYS/factory/a", b"/factory/a", b"f\xc3\xa4ctory/a"]


def leaps() -> list[int]:
    """A machine that reports every second and then leaps: each leap is thousands of rows to fill."""
    return [NOW - 40_000_000 + 1000 * i for i in range(300)] + [NOW - 39_000_000 + 2_000_000 * i for i in range(4)]


def main() -> None:
    client = Publisher(int(sys.argv[1]), b"hostile")
    count = {"malformed": 0, "bad_topics": 0, "samples": 0, "samples_dropped": 0, "oversized": 0, "assets_refused": 0}
    room = int(sys.argv[2])  # assets that nobody announced
    names = {topic for topic, *_ in GOOD} | {b"factory/leaping"}
    for topic, payload, taken, dropped in GOOD + [(b"factory/ancient", *each) for each in DROPPED]:
        client.publish(topic, payload)
        count["samples"] += taken
        count["samples_dropped"] += dropped
    for at in leaps():
        client.publish(b"factory/leaping", b'{"time":%d,"a":1}' % at)
        count["samples"] += 1
    for i, payload in enumerate(MALFORMED * 3):
        client.publish(b"factory/broken-%d" % (i % 7), payload)
    for payload in PLAIN_MALFORMED:
        client.publish(b"plain/broken/a", payload)
    count["malformed"] = 3 * len(MALFORMED) + len(PLAIN_MALFORMED)
    for topic in BAD_TOPICS:
        client.publish(topic, b"1")
    count["bad_topics"] = len(BAD_TOPICS)
    for topic in ELSEWHERE:
        client.publish(topic, b"1")
    for i in range(NAMES):
        client.publish(b"factory/flood-%d" % i, b'{"time":%d,"a":1}' % NOW)
    taken = room - len(names)
    count["samples"] += taken
    count["assets_refused"] = NAMES - taken
    client.publish(b"factory/huge", b"[" + b"1," * 1_000_000 + b"1]")  # this the gateway refuses
    client.publish(b"factory/huge", b"x" * 10_000_000)  # and this the broker spares it
    count["oversized"] = 1
    client.settle()
    print(json.dumps(count))


if __name__ == "__main__":
    main()
