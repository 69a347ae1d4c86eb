#!/bin/bash
# Checks the container's file system, and runs the proxy in it as its user, read-only, without a
# container builder.   test.sh BINARY      Needs root. Where buildah runs, builds as well.
set -euo pipefail

binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
export DEB_COMPRESSION="-Zgzip -z1"
if [ "$(id -u)" -ne 0 ]; then
    echo "SKIPPED  the container's file system: needs root"
    exit 0
fi
# In a mount namespace of its own: what is mounted here ends with it.
if [ "${2:-}" != --inside ]; then
    exec unshare --mount --propagation private -- "$0" "$binary" --inside
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-container-test.XXXXXX")
pid=
clean_up() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    umount -l "$work/read-only/var/lib/throughway" "$work/read-only" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
fail() {
    echo "FAIL  $*" >&2
    [ ! -s "$work/log" ] || tail -n 5 "$work/log" >&2
    exit 1
}

packer/deb/build.sh "$binary" "$work/deb" >/dev/null
root=$work/rootfs
packer/container/rootfs.sh "$work/deb/throughway.deb" "$root"

# What is in it, and what must not be.
programs=$(find "$root" -type f -perm /0111 -printf '/%P\n' | grep -vE '\.so(\.|$)|/ld-linux' || true)
[ "$programs" = /usr/bin/throughway ] || fail "more than one program: $programs"
[ -z "$(find "$root" -perm /6000)" ] || fail "set-user-id: $(find "$root" -perm /6000)"
writable=$(find "$root" \( -perm -0002 -o -user 65532 \) -not -type l -printf '/%P ' | sort)
[ "$writable" = "/tmp /var/lib/throughway " ] || [ "$writable" = "/var/lib/throughway /tmp " ] || fail "writable: $writable"
! grep -rIlE -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' "$root" || fail "a private key"
for entry in libc6 libgcc-s1 ca-certificates throughway; do
    [ -s "$root/var/lib/dpkg/status.d/$entry" ] || fail "no entry for scanners: $entry"
done
echo "ok    one program, no shell, nothing set-user-id, two folders to write to, $(du -sm "$root" | cut -f 1) MB"

# As it runs: everything read-only but the state, by its own user.
mkdir "$work/read-only" "$work/state"
chown 65532:65532 "$work/state"
mount --bind "$root" "$work/read-only"
mount -o remount,bind,ro "$work/read-only"
mount --bind "$work/state" "$work/read-only/var/lib/throughway"
inside() {
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin GATEWAY_STATE_DIRECTORY=/var/lib/throughway \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "${settings[@]}" \
        chroot --userspec=65532:65532 --groups= "$work/read-only" /usr/bin/throughway "$@"
}
settings=()
(inside version) | grep -q '^throughway ' || fail "it does not run"
code=0
(inside serve) >"$work/log" 2>&1 || code=$?
[ $code -eq 78 ] || fail "without a configuration: exit $code"

read -r clients admin < <(python3 - <<'PYTHON'
import socket
held = [socket.socket() for _ in range(2)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])
PYTHON
)
license=$("$binary" license issue --key tests/keys/dev-license.pem --issuer development --customer development --env dev --days 1)
settings=(
    KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9 KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT
    GATEWAY_LISTENER_CLIENTS_SECURITY_PROTOCOL=SASL_PLAINTEXT GATEWAY_LISTENER_CLIENTS_ROUTING=port
    GATEWAY_LISTENER_CLIENTS_PORTS="$clients" GATEWAY_LISTENER_CLIENTS_ADVERTISED_HOST=127.0.0.1
    GATEWAY_LISTENER_CLIENTS_BIND_ADDRESS=127.0.0.1
    GATEWAY_HTTP_PORT="$admin" GATEWAY_HTTP_BIND_ADDRESS=127.0.0.1 GATEWAY_LICENSE_KEY="$license")
inside serve >"$work/log" 2>&1 &
pid=$!
# The probes, as an orchestrator asks them.
python3 - "$admin" "$pid" <<'PYTHON' || fail "not ready"
import os, sys, time, urllib.error, urllib.request
end = time.monotonic() + 120
while time.monotonic() < end:
    os.kill(int(sys.argv[2]), 0)
    try:
        for path in ("live", "ready"):
            urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health/{path}", timeout=5)
        sys.exit(0)
    except (OSError, urllib.error.URLError):
        time.sleep(0.1)
sys.exit(1)
PYTHON
grep -q '^Uid:.*65532' "/proc/$pid/status" || fail "it runs as another user"
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
[ $code -eq 0 ] || fail "drained with exit $code"
echo "ok    runs read-only as 65532: live, ready, drained with 0; without a configuration 78"

storage=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
if ! buildah "${storage[@]}" info >"$work/log" 2>&1; then
    echo "SKIPPED  building the container: buildah does not run here: $(tail -n 1 "$work/log")"
    exit 0
fi
cp packer/container/Containerfile "$work/Containerfile"
buildah "${storage[@]}" build --isolation chroot --quiet -t throughway:test "$work" >"$work/log" 2>&1 || fail "buildah"
[ "$(buildah "${storage[@]}" inspect --type image --format '{{.OCIv1.Config.User}}' throughway:test)" = 65532:65532 ] || fail "the container's user"
echo "ok    buildah built it; its user is 65532"
