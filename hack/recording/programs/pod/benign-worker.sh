#!/bin/bash
# A good rollout worker for SECONDS: everything a training job really does on the network, and nothing else.
# Names, not addresses; TLS; one 14-minute event stream; git over ssh and https; pip; a Redis pool; NTP; polling.
# The API is polled over a kept-alive connection, or with `curl` as its second argument by a new one each time.
# Usage: benign-worker.sh SECONDS [curl]
seconds=$1
here=$(dirname "$0")
export GIT_SSH_COMMAND='ssh -i /keys/id_git -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'
work=$(mktemp -d)
cd "$work" || exit 1
trap 'kill $(jobs -p) 2>/dev/null' EXIT

repeat() { # SECONDS-BETWEEN COMMAND...
  local pause=$1
  shift
  while :; do
    "$@" >/dev/null 2>&1
    sleep "$((pause + RANDOM % (pause / 3 + 1)))"
  done
}
clone() {
  rm -rf "$work/clone-$1"
  git clone -q "$2" "$work/clone-$1"
}

python3 "$here/redis_pool.py" replay-buffer.rl-training.svc.cluster.local 6379 "$seconds" &
curl -sS -N -o /dev/null "https://llm.example.com/v1/stream?seconds=840" &
printf 'pool 0.pool.ntp.org iburst maxsources 1\ncmdport 0\npidfile /tmp/chronyd.pid\nbindcmdaddress /\n' >"$work/chrony.conf"
chronyd -x -d -u root -f "$work/chrony.conf" >/tmp/chrony.log 2>&1 &
if [ "$2" = curl ]; then
  repeat 7 curl -sS -m 10 https://api.example.com/v1/tasks &
else
  python3 "$here/api_client.py" api.example.com "$seconds" &
fi
repeat 30 curl -sS -m 10 http://learner:8080/ &
repeat 170 clone ssh ssh://root@github.com/example/environments.git &
repeat 230 clone https https://github.com/example/environments.git &
repeat 400 python3 -m pip download -q --no-cache-dir --no-deps -d "$work/wheels" alpha beta gamma delta epsilon &
sleep "$seconds"
