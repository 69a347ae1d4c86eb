"""Searches a disk image's blocks for what nobody may find there, deleted files included.

search.py IMAGE.raw PUBLIC-KEY [WORD...]     PUBLIC-KEY let the build in; no WORD may be there either."""

import mmap
import re
import sys

FORBIDDEN = {
    "a private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{60,}",
    "a licence or another signed token": rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}",
    "an AWS key's id": rb"\b(?:AKIA|ASIA)(?![0-9A-Z]{9}EXAMPLE)[0-9A-Z]{16}\b",
    "an AWS secret key": rb"aws_secret_access_key\s*=\s*[A-Za-z0-9/+]{40}",
    "a password's hash": rb":\$(?:y|6|5|1|2b)\$[./A-Za-z0-9$=,]{20,}:\d",
}

# In the manuals of Debian's packages: cloud-init's example of a host key, PyJWT's of a token.
EXAMPLES = (b"MIIBxwIBAAJhAKD0YSHy73nUgysO13XsJmd4fHiFyQ", b"eyJzb21lIjoicGF5bG9hZCJ9")

image, key, *words = sys.argv[1:]
with open(key, encoding="ascii") as file:
    words.append(file.read().split()[1])
searched = FORBIDDEN | {word[:40]: re.escape(word.encode()) for word in words}
failed = False
with open(image, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as blocks:
    for what, pattern in searched.items():
        found = [hit.start() for hit in re.finditer(pattern, blocks) if not any(known in hit[0] for known in EXAMPLES)]
        print(f"FAIL  at byte {found[0]} of the image: {what}" if found else f"ok    nowhere in the image: {what}")
        failed = failed or bool(found)
    # A search that finds nothing must be able to.
    if blocks.find(b"root:!") < 0 and blocks.find(b"root:*") < 0:
        print("FAIL  not even the shadow file was found")
        failed = True
sys.exit(1 if failed else 0)
