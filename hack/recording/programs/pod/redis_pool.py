"""A worker's connection pool to the replay buffer, a real Redis: three connections held for the whole run.

Writes an episode every 4 to 9 s over one of them and pings each idle one every 30 s, as redis-py's health check does.
Usage: redis_pool.py HOST PORT SECONDS
"""
import random
import socket
import sys
import time

POOL_SIZE = 3
HEALTH_CHECK_S = 30


def call(connection, *words):
    parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
    connection.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
    return connection.recv(4096)


def main():
    host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    pool = [socket.create_connection((host, port), 5) for _ in range(POOL_SIZE)]
    used = [time.monotonic()] * POOL_SIZE
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(random.uniform(4, 9))
        chosen = random.randrange(POOL_SIZE)
        call(pool[chosen], "RPUSH", "episodes", "x" * 512)
        call(pool[chosen], "LTRIM", "episodes", "-1000", "-1")
        used[chosen] = time.monotonic()
        for index, connection in enumerate(pool):
            if time.monotonic() - used[index] >= HEALTH_CHECK_S:
                call(connection, "PING")
                used[index] = time.monotonic()


main()
