#!/bin/sh
# Brings the jars of one Kafka version from Maven's registry to tests/.cache/kafka-VERSION and
# prints that folder. Nothing to do when they are there; several at once do not disturb each other.
set -eu

version=${1:?usage: fetch.sh VERSION, for example 4.4.0}
here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache
folder=$cache/kafka-$version

if [ ! -d "$folder" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/.kafka-$version.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dkafka.version="$version" \
        dependency:copy-dependencies -DoutputDirectory="$fresh" >&2
    chmod 755 "$fresh"
    # Whoever comes second finds a full folder there, which is as good as its own.
    mv -T "$fresh" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
