#!/bin/sh
# Runs a command with a small disk of its own in a folder: small_disk.sh FOLDER SWITCH COMMAND [ARGUMENT]...
# While the file SWITCH exists the disk is full; SWITCH.full says that it is. Needs no privilege.
set -eu
if [ "${SMALL_DISK_INSIDE:-}" = "" ]; then
    SMALL_DISK_INSIDE=yes
    export SMALL_DISK_INSIDE
    if [ "$(id -u)" = 0 ]; then
        exec unshare --mount sh "$0" "$@"
    fi
    exec unshare --user --map-current-user --keep-caps --mount sh "$0" "$@"
fi
folder=$1 switch=$2
shift 2
mkdir -p "$folder"
mount -t tmpfs -o size=16m,mode=755 small-disk "$folder"
worker=$$
(
    while kill -0 "$worker" 2>/dev/null; do
        if [ -e "$switch" ] && [ ! -e "$switch.full" ]; then
            cat /dev/zero > "$folder/ballast" 2>/dev/null || :
            : > "$switch.full"
        elif [ ! -e "$switch" ] && [ -e "$switch.full" ]; then
            rm -f "$folder/ballast" "$switch.full"
        fi
        sleep 0.05
    done
) &
exec "$@"
