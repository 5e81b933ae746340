"""Publishes one message for each of the machines mark-FROM .. mark-(TO-1): what arrived can be counted by name."""
import sys
import time

from mqtt_wire import Publisher

port, first, last = map(int, sys.argv[1:])
client = Publisher(port, b"marks")
for i in range(first, last):
    client.publish(b"factory/mark-%d" % i, b'{"time":%d,"a":1,"b":2,"c":3}' % (time.time() * 1000))
client.settle()
