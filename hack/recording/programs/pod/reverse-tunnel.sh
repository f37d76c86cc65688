#!/bin/bash
# OpenSSH's own reverse tunnel, by address, with its own keepalives. The far end's ports 9001 and 9002 lead inside.
# Usage: reverse-tunnel.sh ADDRESS SECONDS KEEPALIVE-SECONDS FORWARD...   (FORWARD as ssh -R wants it)
address=$1 seconds=$2 keepalive=$3
shift 3
forwards=()
for forward in "$@"; do forwards+=(-R "$forward"); done
exec timeout "$seconds" ssh -N -i /keys/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ExitOnForwardFailure=yes \
  -o LogLevel=ERROR -o ConnectTimeout=20 -o ServerAliveInterval="$keepalive" -o ServerAliveCountMax=3 "${forwards[@]}" "root@$address"
