"""An overlay network's idle tunnel: a handshake-sized datagram every 120 s and a 32-byte keepalive every 25 s.

25 s is WireGuard's PersistentKeepalive as every guide sets it, 120 s its REKEY_AFTER_TIME. One UDP socket, one peer.
Usage: overlay_keepalive.py ADDRESS PORT SECONDS
"""
import os
import socket
import sys
import time

KEEPALIVE_S = 25
REKEY_S = 120


def main():
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.connect((address, port))
    peer.settimeout(2)
    until, rekeyed = time.monotonic() + seconds, -REKEY_S
    while time.monotonic() < until:
        rekey = time.monotonic() - rekeyed >= REKEY_S
        peer.send(os.urandom(148 if rekey else 32))
        rekeyed = time.monotonic() if rekey else rekeyed
        try:
            peer.recv(2048)
        except OSError:
            pass
        time.sleep(KEEPALIVE_S)


main()
