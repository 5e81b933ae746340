"""MQTT 3.1.1 as bytes: enough to send what no client library would."""
import socket
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13


def text(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([kind << 4 | flags]) + length + body


def publish(topic: bytes, payload: bytes, identifier: int) -> bytes:
    return packet(PUBLISH, text(topic) + struct.pack(">H", identifier) + payload, flags=2)


class Wire:
    """One side of a connection; packets are (kind, body)."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def _bytes(self, n: int) -> bytes:
        while len(self.buffer) < n:
            more = self.connection.recv(65536)
            if not more:
                raise ConnectionError("closed by the other side")
            self.buffer += more
        head, self.buffer = self.buffer[:n], self.buffer[n:]
        return head

    def receive(self) -> tuple[int, bytes]:
        kind = self._bytes(1)[0] >> 4
        length = shift = 0
        while True:
            digit = self._bytes(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, self._bytes(length)


class Publisher(Wire):
    """A client that publishes at QoS 1 and waits for the PUBACKs."""

    WINDOW = 50

    def __init__(self, port: int, client_id: bytes):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=30))
        self.send(packet(CONNECT, text(b"MQTT") + bytes([4, 2, 0, 60]) + text(client_id)))
        kind, body = self.receive()
        assert (kind, body[1]) == (CONNACK, 0), "the broker refuses us"
        self.identifier = self.waiting = 0

    def publish(self, topic: bytes, payload: bytes) -> None:
        self.identifier = self.identifier % 65535 + 1
        self.send(publish(topic, payload, self.identifier))
        self.waiting += 1
        if self.waiting >= self.WINDOW:
            self.settle()

    def settle(self) -> None:
        while self.waiting > 0:
            if self.receive()[0] == PUBACK:
                self.waiting -= 1
