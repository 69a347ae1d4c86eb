#!/bin/sh
# Installs, upgrades and purges the package in fresh roots of Debian 12 and 13, without systemd
# running.   test.sh BINARY      Needs root, for chroot. Roots are kept in tests/.cache.
set -eu

binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
export DEB_COMPRESSION="-Zgzip -z1"
work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-deb-test.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

if [ "$(id -u)" -ne 0 ]; then
    echo "SKIPPED  the package in Debian roots: needs root"
    exit 0
fi

# Two versions, so that one can be upgraded to the other.
packer/deb/build.sh "$binary" "$work/old" 0.0.9
packer/deb/build.sh "$binary" "$work/new"
packer/deb/build.sh "$binary" "$work/again" >/dev/null
cmp "$work/new/throughway.deb" "$work/again/throughway.deb"
echo "ok    the same binary gives the same package"

cat >"$work/inside.sh" <<'INSIDE'
set -eu
state() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/log -o -path /run \) -prune -o -print | grep -v '^/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\?$' | sort; }
state >/tmp/before
cut -d: -f1 /etc/passwd /etc/group | sort >/tmp/users-before

dpkg -i /tmp/old.deb >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
throughway version
throughway --help | grep -q explain
[ "$(stat -c %U:%G:%a /etc/throughway /etc/throughway/throughway.env | tr '\n' ' ')" = "root:throughway:750 root:throughway:640 " ]
for user in throughway throughway-aws; do [ "$(id -gn $user)" = throughway ]; done
for page in throughway throughway-serve throughway-license-verify throughway-aws-agent; do test -s /usr/share/man/man1/$page.1.gz; done
bash -n /usr/share/bash-completion/completions/throughway
# Nothing is configured yet, and it says so.
code=0
GATEWAY_ENV_FILE=/etc/throughway/throughway.env throughway config >/tmp/log 2>&1 || code=$?
[ $code -eq 78 ] && grep -q KAFKA_BOOTSTRAP_SERVERS /tmp/log

# An operator's words and what was learned survive an upgrade.
echo 'KAFKA_SECURITY_PROTOCOL=SASL_SSL' >/etc/throughway/throughway.env
install -d -o throughway -g throughway -m 0700 /var/lib/throughway
echo learned >/var/lib/throughway/topology.json
dpkg -i /tmp/new.deb >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
grep -q SASL_SSL /etc/throughway/throughway.env
[ "$(stat -c %U:%G:%a /etc/throughway/throughway.env)" = root:throughway:640 ]
[ "$(cat /var/lib/throughway/topology.json)" = learned ]
[ "$(dpkg-query -W -f '${db:Status-Status}' throughway)" = installed ]
[ -z "$(dpkg --verify throughway)" ]

# A removal keeps both; a purge leaves nothing.
dpkg -r throughway >/tmp/log 2>&1
test -e /etc/throughway/throughway.env
dpkg -P throughway >/tmp/log 2>&1
rm -f /tmp/log
state >/tmp/after
cut -d: -f1 /etc/passwd /etc/group | sort >/tmp/users-after
diff /tmp/before /tmp/after
diff /tmp/users-before /tmp/users-after
INSIDE

for suite in bookworm trixie; do
    made=$(packer/root.sh "$suite")
    root=$work/$suite
    mkdir "$root"
    tar -C "$root" --exclude './dev/*' -xf "$made"
    cp -L "$work/old/throughway.deb" "$root/tmp/old.deb"
    cp -L "$work/new/throughway.deb" "$root/tmp/new.deb"
    cp "$work/inside.sh" "$root/tmp/inside.sh"
    mknod -m 0666 "$root/dev/null" c 1 3
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive bash -e /tmp/inside.sh
    echo "ok    $suite: installed, upgraded with its state, removed, purged without a trace"
done
