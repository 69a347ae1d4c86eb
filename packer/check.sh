#!/bin/sh
# Checks the image's files in seconds, without a cloud, a network or a build: `make image-check`.
# Each check is also shown something that it must refuse.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-check.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
complain() {
    echo "image-check: $*" >&2
    failed=1
}

# run WHAT COMMAND...: quiet unless it fails.
run() {
    what=$1
    shift
    if ! "$@" >"$work/log" 2>&1; then
        cat "$work/log" >&2
        complain "$what"
    fi
}
refuses() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then complain "accepted, and should not have been: $what"; fi
}

# Packer: format, then meaning, by stand-ins for what a build would have made.
run "packer fmt" env CHECKPOINT_DISABLE=1 packer fmt -check -diff packer
for file in throughway.deb throughway.cdx.json; do : >"$work/$file"; done
validate() {
    packer/legacy.sh validate -var "package=$work/throughway.deb" -var "sbom=$work/throughway.cdx.json" \
        -var "local_key_file=$PWD/tests/keys/dev-license.pem" -var "output=$work/image" "$@"
}
run "packer validate" validate
refuses "a builder open to the world" validate -var 'builder_cidrs=["0.0.0.0/0"]'

# Scripts.
find packer -name '*.sh' -o -path 'packer/deb/p*' >"$work/scripts"
# SC2317: functions called by name look unreachable to it.
xargs shellcheck -e SC2317 <"$work/scripts" || complain "shellcheck"

# What only a current Packer reads, CloudFormation, the contract of user data.
run "cfn-lint" packer/python.sh packer cfn-lint packer/cloudformation/throughway.yaml
packer/python.sh packer python3 packer/check.py || complain "packer/check.py"

# The units: keys and paths in a root with a binary, then how exposed they are.
units=packer/systemd
mkdir -p "$work/root/usr/bin" "$work/root/etc/systemd/system" "$work/root/usr/lib/systemd"
cp -r /lib/systemd/system "$work/root/usr/lib/systemd/"
ln -s usr/lib "$work/root/lib"
ln -s usr/bin "$work/root/bin"
for command in throughway kill sh; do
    printf '#!/bin/sh\n' >"$work/root/usr/bin/$command"
    chmod +x "$work/root/usr/bin/$command"
done
cp $units/*.service packer/files/throughway-refused.service "$work/root/etc/systemd/system/"
for unit in throughway throughway-aws; do
    mkdir "$work/root/etc/systemd/system/$unit.service.d"
    cp "packer/files/$unit-image.conf" "$work/root/etc/systemd/system/$unit.service.d/10-image.conf"
done
verify() { systemd-analyze verify --man=no --root="$work/root" --recursive-errors=no "$@"; }
# Where it writes down what it is told to restrict, it wants the folder to exist.
run "systemd-analyze verify" verify throughway.service throughway-aws.service throughway-refused.service
sed 's/^NoNewPrivileges=/NoNewPriviliges=/' $units/throughway.service >"$work/root/etc/systemd/system/misspelt.service"
refuses "a misspelt key in a unit" verify misspelt.service

# exposure UNIT MOST: in tenths, as systemd-analyze wants it.
exposure() { systemd-analyze security --no-pager --offline=true --threshold="$2" "$units/$1.service"; }
run "throughway.service is exposed by more than 1.1" exposure throughway 11
run "throughway-aws.service is exposed by more than 1.2" exposure throughway-aws 12
refuses "an exposure of less than 1.1" exposure throughway 10

[ $failed -eq 0 ] && echo "image-check: packer, scripts, CloudFormation, user data and units are in order"
exit $failed
