"""A time server (NTP, answers with this machine's clock) and the far end of an overlay network, which echoes keepalives.

Usage: udp_servers.py ntp|echo ADDRESS:PORT
"""
import socket
import struct
import sys
import time

NTP_EPOCH_OFFSET_S = 2_208_988_800  # 1900 to 1970


def ntp_time(seconds):
    whole = int(seconds)
    return struct.pack("!II", whole + NTP_EPOCH_OFFSET_S, int((seconds - whole) * 2**32))


def ntp_answer(request):
    received = ntp_time(time.time())
    head = struct.pack("!BBbb", 0x24, 2, 6, -20) + struct.pack("!II4s", 0x100, 0x100, b"GPS\0")
    return head + received + request[40:48] + received + ntp_time(time.time())


def main():
    kind, (address, port) = sys.argv[1], sys.argv[2].rsplit(":", 1)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    while True:
        request, peer = server.recvfrom(2048)
        server.sendto(ntp_answer(request) if kind == "ntp" else request, peer)


main()
