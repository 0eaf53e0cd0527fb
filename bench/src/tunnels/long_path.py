"""A long path: hands every packet of a TUN device back to it, later, and loses some of them.

    long_path.py DEVICE MILLISECONDS LOSS_PERCENT SEED
"""
import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

device, delay, loss, seed = sys.argv[1], float(sys.argv[2]) / 1e3, float(sys.argv[3]) / 100, int(sys.argv[4])
tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
print("ready", flush=True)

chance = random.Random(seed)
under_way = collections.deque()
while True:
    now = time.monotonic()
    while under_way and under_way[0][0] <= now:
        os.write(tun, under_way.popleft()[1])
    wait = under_way[0][0] - now if under_way else None
    if not select.select([tun], [], [], wait)[0]:
        continue
    while True:
        try:
            packet = os.read(tun, 65536)
        except BlockingIOError:
            break
        if chance.random() >= loss:
            under_way.append((time.monotonic() + delay, packet))
