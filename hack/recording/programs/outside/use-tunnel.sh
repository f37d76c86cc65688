#!/bin/bash
# The person at the far end of the tunnel: goes inside through it now and then, HTTP on 9001 and Redis on 9002.
# Usage: use-tunnel.sh SECONDS HTTP-PORT [REDIS-PORT]
until=$((SECONDS + $1))
while ((SECONDS < until)); do
  curl -sS -m 5 -o /dev/null "http://127.0.0.1:$2/"
  [ "$3" ] && redis-cli -h 127.0.0.1 -p "$3" LLEN episodes >/dev/null
  sleep "$((15 + RANDOM % 40))"
done
