#!/usr/bin/env python3
"""The EC2 emulator's side of the AMI build: what must be there before, and what must be after.

aws.py prepare ENDPOINT PUBLIC-KEY
aws.py check ENDPOINT VERSION SBOM-SHA256 MANIFEST RECORDING"""

import base64
import json
import sys
import time
import urllib.parse

import boto3
import botocore


def client(endpoint):
    return boto3.client("ec2", endpoint_url=endpoint, region_name="eu-central-1")


def prepare(endpoint, key):
    ec2 = client(endpoint)
    for _ in range(300):
        try:
            ec2.describe_regions()
            break
        except botocore.exceptions.BotoCoreError:
            time.sleep(0.2)
    with open(key, "rb") as file:
        ec2.import_key_pair(KeyName="image", PublicKeyMaterial=file.read())


def check(endpoint, version, digest, manifest, recording):
    ec2 = client(endpoint)
    failures = []

    def expect(holds, what):
        print(("ok    " if holds else "FAIL  ") + what)
        if not holds:
            failures.append(what)

    images = ec2.describe_images(Owners=["self"])["Images"]
    expect(len(images) == 1, f"one image is left, the encrypted copy: {[i['Name'] for i in images]}")
    image = images[0]
    tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
    expect(image["Name"].startswith(f"throughway-{version}-debian13-amd64-"), image["Name"])
    expect(not image["Public"], "it is not public")
    for key, value in {
        "Owner": "throughway",
        "Version": version,
        "Commit": "emulated",
        "SbomSha256": digest,
        "SourceAMI": "ami-0debian13",
    }.items():
        expect(tags.get(key) == value, f"tag {key} is {tags.get(key)}")
    with open(manifest, encoding="utf-8") as file:
        artifact = json.load(file)["builds"][-1]["artifact_id"]
    expect(artifact == f"eu-central-1:{image['ImageId']}", f"the manifest names it: {artifact}")

    states = [
        instance["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    ]
    expect(states == ["terminated"], f"the instance is {states}")
    groups = [group["GroupName"] for group in ec2.describe_security_groups()["SecurityGroups"]]
    expect(groups == ["default"], f"security groups left: {groups}")
    volumes = ec2.describe_volumes()["Volumes"]
    expect(not volumes, f"{len(volumes)} volumes left")

    # What was asked for, which the emulator keeps no other trace of: it marks no copy as encrypted.
    asked = requests(recording)
    copies = [one for one in asked if one.get("Action") == "CopyImage"]
    expect(bool(copies) and copies[0].get("Encrypted") == "true", "encryption was asked for")
    opened = [
        value
        for one in asked
        if one.get("Action") == "AuthorizeSecurityGroupIngress"
        for name, value in one.items()
        if "CidrIp" in name
    ]
    expect(opened == ["10.20.0.0/16"], f"the security group was open to {opened}")
    sys.exit(1 if failures else 0)


def requests(recording):
    """The calls that the emulator has recorded, by parameter."""
    found = []
    with open(recording, encoding="utf-8") as file:
        for line in file:
            call = json.loads(line)
            body = call["body"] or ""
            if call["body_encoded"]:
                body = base64.b64decode(body).decode()
            found.append(dict(urllib.parse.parse_qsl(body)))
    return found


if sys.argv[1] == "prepare":
    prepare(*sys.argv[2:])
else:
    check(*sys.argv[2:])
