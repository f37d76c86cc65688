#!/bin/bash
# Tries the outside every way it knows, within a minute: addresses, ports, names, cloud metadata, the API server, the node.
# Usage: denied-burst.sh
try() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }
for target in 203.0.113.129/22 203.0.113.129/443 203.0.113.130/22 203.0.113.131/443 203.0.113.132/8443 \
  203.0.113.140/80 203.0.113.140/8080 203.0.113.150/3389 203.0.113.160/9001 203.0.113.170/1080 \
  203.0.113.180/4444 203.0.113.190/53 192.0.2.77/443 192.0.2.78/22; do
  try "${target%/*}" "${target#*/}"
done
for name in serveo.net pastebin.com transfer.sh ifconfig.me hub.docker.com; do
  curl -sS -m 2 -o /dev/null "https://$name/"
done
curl -sS -m 2 -o /dev/null http://169.254.169.254/latest/meta-data/
curl -sS -m 2 -k -o /dev/null https://10.96.0.1/api/v1/secrets
try 198.51.100.2 10250
exit 0
