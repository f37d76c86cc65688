"""A miner that speaks Monero's stratum the way XMRig does: login, work on jobs, submit shares, keepalived every 60 s.

Its reconnect behaviour is XMRig's default: connection attempts time out after 20 s, pause 5 s, try again for ever.
SHA-256 at 2 000 hashes a second stands in for RandomX. Usage: stratum_client.py HOST PORT SECONDS
"""
import hashlib
import json
import os
import socket
import sys
import time

CONNECT_TIMEOUT_S = 20  # XMRig: Client::kConnectTimeout
RETRY_PAUSE_S = 5  # XMRig: "retry-pause"
KEEPALIVE_S = 60  # XMRig: Client::kKeepAliveTimeout
HASHES_PER_SECOND = 2_000
WALLET = "4" + "BulkheadRecording" + "0" * 77


class Miner:
    def __init__(self, host, port):
        self.connection = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        self.buffer, self.job, self.session, self.sequence = b"", None, None, 0
        self.call("login", {"login": WALLET, "pass": "x", "agent": "XMRig/6.22.2", "rigid": "", "algo": ["rx/0"]})
        self.last_sent = time.monotonic()

    def call(self, method, params):
        self.sequence += 1
        message = {"id": self.sequence, "jsonrpc": "2.0", "method": method, "params": params}
        self.connection.sendall(json.dumps(message).encode() + b"\n")
        self.last_sent = time.monotonic()

    def receive(self, seconds):
        self.connection.settimeout(seconds)
        try:
            chunk = self.connection.recv(65536)
        except TimeoutError:
            return
        if not chunk:
            raise ConnectionError("pool closed the connection")
        self.buffer += chunk
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self.handle(json.loads(line))

    def handle(self, message):
        result = message.get("result") or {}
        if message.get("method") == "job":
            self.job = message["params"]
        elif "job" in result:
            self.job, self.session = result["job"], result["id"]
        elif message.get("error"):
            print("refused:", message["error"], flush=True)

    def hash_for(self, count):
        if not self.job:
            return
        blob, limit = bytes.fromhex(self.job["blob"]), int(self.job["target"], 16)
        for _ in range(count):
            nonce = os.urandom(4)
            digest = hashlib.sha256(blob + nonce).digest()
            if int.from_bytes(digest[:8], "big") < limit:
                self.call("submit", {"id": self.session, "job_id": self.job["job_id"], "nonce": nonce.hex(), "result": digest.hex()})
                print("share submitted", flush=True)

    def run(self, until):
        while time.monotonic() < until:
            started = time.monotonic()
            self.hash_for(HASHES_PER_SECOND // 2)
            if time.monotonic() - self.last_sent >= KEEPALIVE_S:
                self.call("keepalived", {"id": self.session})
            self.receive(max(0.01, 0.5 - (time.monotonic() - started)))


def main():
    host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            Miner(host, port).run(until)
        except OSError as error:
            print(f"connect error: {error}", flush=True)
            time.sleep(RETRY_PAUSE_S)


main()
