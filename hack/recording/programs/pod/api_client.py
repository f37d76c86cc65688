"""An agent's SDK: polls its API over one kept-alive TLS connection, as every HTTP client library does, every 7 to 9 s.

The connection is renewed after two minutes, as load balancers force. Usage: api_client.py HOST SECONDS
"""
import http.client
import random
import sys
import time

CONNECTION_AGE_S = 120


def main():
    host, seconds = sys.argv[1], float(sys.argv[2])
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection = http.client.HTTPSConnection(host, timeout=10)
        renew = time.monotonic() + CONNECTION_AGE_S
        while time.monotonic() < min(renew, until):
            connection.request("GET", "/v1/tasks")
            connection.getresponse().read()
            time.sleep(random.uniform(7, 9))
        connection.close()


main()
