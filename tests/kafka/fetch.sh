#!/bin/sh
# Brings the jars of one Kafka version from Maven's registry to tests/.cache/kafka-VERSION (of another
# artifact of Kafka's: to ARTIFACT-VERSION) and prints that folder. Nothing to do when they are there;
# several at once do not disturb each other.
set -eu

version=${1:?usage: fetch.sh VERSION [ARTIFACT], for example 4.4.0, or 4.3.1 kafka-tools}
artifact=${2:-kafka_2.13}
here=$(cd "$(dirname "$0")" && pwd)
cache=$(dirname "$here")/.cache
name=${2:-kafka}-$version
folder=$cache/$name

if [ ! -d "$folder" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/.$name.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dkafka.version="$version" -Dkafka.artifact="$artifact" \
        dependency:copy-dependencies -DoutputDirectory="$fresh" >&2
    chmod 755 "$fresh"
    # Whoever comes second finds a full folder there, which is as good as its own.
    mv -T "$fresh" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
