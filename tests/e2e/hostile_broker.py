"""A broker that passes on what a broker must not, and then speaks nonsense.  Serves one gateway (MQTT 3.1.1) until
everything was sent; prints, as JSON, how many of its messages were acknowledged and how often the gateway came."""
import json
import socket
import struct
import sys
import time

from mqtt_wire import CONNACK, CONNECT, PINGREQ, PINGRESP, PUBACK, PUBLISH, SUBACK, SUBSCRIBE, Wire, packet, publish, text

PAYLOAD = b'{"time":%d,"a":1}' % (time.time() * 1000)
TOPICS = [  # each names no usable asset
    b"factory/a\nlevel=error msg=forged", b"factory/\x01\x02\x1b[2J", b"factory/\x7f", b"factory/\xc2\x85",
    b"factory/\xff\xfe", b"factory/\xed\xa0\x80", b"factory/\xf8\x88\x80\x80\x80", b"factory/\xc0\xaf",
]
ELSEWHERE = [b"factory/a\x00b", b"", b"\x00", b"factory", b"elsewhere/a", b"$SYS/a", b"factory/a/b"]  # for no source
NONSENSE = [
    b"\x00" * 64, b"\xff" * 64, bytes([PUBLISH << 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), packet(PUBLISH, b"\xff\xff", flags=2),
    packet(PUBLISH, text(b"factory/x"), flags=6), packet(PUBACK, struct.pack(">H", 4711)), packet(SUBACK, b""), packet(CONNACK, b""),
]


class Gateway(Wire):
    def serve(self, until_kind: int) -> bytes:
        """Answers what comes until a packet of that kind does."""
        while True:
            kind, body = self.receive()
            if kind == CONNECT:
                self.send(packet(CONNACK, b"\0\0"))
            elif kind == SUBSCRIBE:
                at, granted = 2, b""
                while at < len(body):
                    at += 3 + struct.unpack_from(">H", body, at)[0]
                    granted += b"\1"
                self.send(packet(SUBACK, body[:2] + granted))
            elif kind == PINGREQ:
                self.send(packet(PINGRESP, b""))
            elif kind == PUBLISH:
                at = 2 + struct.unpack_from(">H", body)[0]
                self.send(packet(PUBACK, body[at:at + 2]))
            if kind == until_kind:
                return body


def main() -> None:
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    server.settimeout(30)
    acknowledged = came = 0

    def accept() -> Gateway:
        nonlocal came
        connection, _ = server.accept()
        connection.settimeout(30)
        came += 1
        gateway = Gateway(connection)
        gateway.serve(SUBSCRIBE)
        return gateway

    gateway = accept()
    for i, topic in enumerate(TOPICS + ELSEWHERE):
        try:
            gateway.send(publish(topic, PAYLOAD, i + 1))
            gateway.serve(PUBACK)
            acknowledged += 1
        except ConnectionError:  # it may well hang up on such a broker
            gateway = accept()
    for nonsense in NONSENSE:
        gateway.send(nonsense)
        gateway.connection.close()
        gateway = accept()
    gateway.send(publish(b"factory/good", PAYLOAD, 1))
    gateway.serve(PUBACK)
    print(json.dumps({"acknowledged": acknowledged, "came": came}), flush=True)
    gateway.connection.settimeout(60)
    try:
        while True:
            gateway.serve(PUBACK)
    except OSError:
        pass


main()
