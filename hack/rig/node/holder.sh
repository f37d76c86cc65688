#!/bin/bash
# Process 1 of a set of namespaces: mounts what they need, says that they stand, and adopts orphans until it is killed,
# which ends everything in them. The machine's own files are visible and read-only: what a daemon would leave behind on
# them goes to memory, and what nobody thought of fails loudly.
#
#   holder.sh HOSTNAME FOLDER MARKER [TARGET|TYPE|OPTIONS]...    the last are cgroup hierarchies
set -euo pipefail
name=$1 folder=$2 marker=$3
shift 3

hostname "$name"
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/bulkhead /run/overlay /run/tmp /run/sshd /run/netns /run/lock
mount --bind "$folder" /run/bulkhead

for top in /etc /opt /var; do
  mkdir -p "/run/overlay$top/upper" "/run/overlay$top/work"
  mount -t overlay -o "lowerdir=$top,upperdir=/run/overlay$top/upper,workdir=/run/overlay$top/work" overlay "$top"
done
printf '127.0.0.1 localhost\n' >/etc/hosts
rm -f /etc/resolv.conf
touch /etc/resolv.conf

if [ $# -gt 0 ]; then
  mount -t sysfs sysfs /sys
  mount -t bpf bpf /sys/fs/bpf
  case $1 in
    '/sys/fs/cgroup|'*) ;;
    *) mount -t tmpfs tmpfs /sys/fs/cgroup ;; # for the folders of the v1 hierarchies
  esac
  for hierarchy in "$@"; do
    IFS='|' read -r target type options <<<"$hierarchy"
    mkdir -p "$target"
    mount -t "$type" ${options:+-o "$options"} cgroup "$target"
  done
  # The kubelet writes these where they differ; the machine keeps its own.
  mkdir /run/tunables
  for tunable in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=${tunable%=*}
    file=/run/tunables/${file//\//.}
    echo "${tunable#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${tunable%=*}"
  done
fi

mount -o remount,bind,ro /
mount --make-rshared /
touch "/run/bulkhead/$marker"
while :; do
  sleep infinity &
  wait $!
done
