"""An agent's control channel: one WebSocket over TLS, held open, with a small message now and then.

Answers the server's pings as the protocol wants. Usage: websocket_client.py HOST SECONDS
"""
import base64
import os
import socket
import ssl
import sys
import time

MESSAGE_EVERY_S = 47


def frame(opcode, payload):
    mask = os.urandom(4)
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def main():
    host, seconds = sys.argv[1], float(sys.argv[2])
    channel = ssl.create_default_context().wrap_socket(socket.create_connection((host, 443), 10), server_hostname=host)
    key = base64.b64encode(os.urandom(16)).decode()
    channel.sendall(f"GET /agent HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    channel.settimeout(1)
    until, last = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < until:
        try:
            received = channel.recv(4096)
            if not received:
                raise SystemExit("server closed the channel")
            if received[0] == 0x89:
                channel.sendall(frame(0xA, b""))
        except TimeoutError:
            pass
        if time.monotonic() - last >= MESSAGE_EVERY_S:
            channel.sendall(frame(0x1, b'{"step":"done"}'))
            last = time.monotonic()


main()
