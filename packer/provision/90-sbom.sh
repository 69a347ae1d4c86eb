#!/bin/sh
# What is in the image: every Debian package as CycloneDX, beside the binary's own list.
set -eu

folder=/usr/share/throughway/sbom
mkdir -p "$folder"
install -m 0644 "$BUILD/throughway.cdx.json" "$folder/throughway.cdx.json"
dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\n' | LC_ALL=C sort >"$folder/dpkg.tsv"

# Names, versions and architectures have no character that JSON escapes (Debian policy 5.6).
awk -F '\t' -v version="$VERSION" '
BEGIN {
    printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"
    printf "\"metadata\":{\"component\":{\"type\":\"operating-system\",\"name\":\"throughway-image\",\"version\":\"%s\"}},", version
    printf "\"components\":["
}
{
    escaped = $2
    gsub(/\+/, "%2B", escaped)
    gsub(/:/, "%3A", escaped)
    printf "%s\n{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\",\"purl\":\"pkg:deb/debian/%s@%s?arch=%s\"}",
        (NR > 1 ? "," : ""), $1, $2, $1, escaped, $3
}
END { print "\n]}" }
' "$folder/dpkg.tsv" >"$folder/image.cdx.json"
chmod 0644 "$folder"/*
