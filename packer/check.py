#!/usr/bin/env python3
"""Checks of the image's files that need a parser: HCL as a current Packer reads it, the user data
contract, CloudFormation's user data against that contract. Each is shown something to refuse."""

import glob
import json
import os
import sys

import hcl2
import jsonschema
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)


def read(*path):
    with open(os.path.join(HERE, *path), encoding="utf-8") as file:
        return file.read()


def bare(text):
    """The parser keeps the quotes of strings and labels."""
    return text.strip('"') if isinstance(text, str) else text


def hcl():
    for path in sorted(glob.glob(os.path.join(HERE, "*.pkr.hcl"))):
        name = os.path.basename(path)
        text = read(name)
        opened, closed = text.count("# >>> packer-current"), text.count("# <<< packer-current")
        expect(opened == closed, f"{name}: marks do not pair")
        try:
            parsed = hcl2.loads(text)
        except Exception as error:  # each parser error is of another class
            failures.append(f"{name}: {error}")
            continue
        if name == "aws.pkr.hcl":
            source = parsed["source"][0]
            for label in ("amazon-ebs", "throughway"):
                source = next(value for key, value in source.items() if bare(key) == label)
            metadata = source["metadata_options"][0]
            expect(bare(metadata["http_tokens"]) == "required", "the AMI's build must require IMDSv2")
            expect(metadata["http_put_response_hop_limit"] == 1, "the hop limit must be 1")
            expect(bare(source["imds_support"]) == "v2.0", "the AMI must ask for IMDSv2")
            expect(source["encrypt_boot"] is True, "the AMI must be encrypted")
    try:
        hcl2.loads('source "x" "y" {')
        failures.append("accepted, and should not have been: an open HCL block")
    except Exception:
        pass


def contract():
    schema = json.loads(read("cloud-init", "user-data.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def problems(text):
        return [error.message for error in validator.iter_errors(yaml.safe_load(text))]

    example = read("cloud-init", "user-data.example.yaml")
    for problem in problems(example):
        failures.append(f"user-data.example.yaml: {problem}")
    for what, bad in {
        "a licence in user data": example.replace("GATEWAY_LICENSE_SECRET_ID=arn", "GATEWAY_LICENSE_KEY=arn"),
        "a password in user data": example.replace("GATEWAY_LICENSE_SECRET_ID=arn", "KAFKA_SSL_TRUSTSTORE_PASSWORD=x"),
        "a file for everybody": example.replace('"0640"', '"0644"', 1),
        "a file of another owner": example.replace("root:throughway", "root:root", 1),
        "user data without the file": example.replace("throughway.env", "other.env"),
    }.items():
        expect(problems(bad), f"accepted, and should not have been: {what}")
    for with_proxy in (True, False):
        text = cloudformation(with_proxy)
        for problem in problems(text):
            failures.append(f"CloudFormation's user data: {problem}")
        content = yaml.safe_load(text)["write_files"][0]["content"]
        keys = [line.split("=")[0] for line in content.splitlines()]
        expect("GATEWAY_LICENSE_SECRET_ID" in keys, "CloudFormation's user data names no licence")
        expect("GATEWAY_AWS_LIFECYCLE_HOOK" in keys, "CloudFormation's user data names no lifecycle hook")
        expect(("GATEWAY_HTTP_PROXY_PROTOCOL" in keys) is with_proxy, "health checks would be refused")


def cloudformation(with_proxy):
    """The template's user data, as an instance would read it."""

    class Loader(yaml.SafeLoader):
        pass

    def tagged(loader, suffix, node):
        if isinstance(node, yaml.ScalarNode):
            return {suffix: loader.construct_scalar(node)}
        return {suffix: loader.construct_sequence(node, deep=True)}

    Loader.add_multi_constructor("!", tagged)
    template = yaml.load(read("cloudformation", "throughway.yaml"), Loader)
    data = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]
    text = ""
    for part in data["Fn::Base64"]["Fn::Join"][1]:
        if "If" in part:
            part = part["If"][1 if with_proxy else 2]
        text += part["Sub"] if isinstance(part, dict) else part
    return text


hcl()
contract()
for failure in failures:
    print(f"packer/check.py: {failure}", file=sys.stderr)
sys.exit(1 if failures else 0)
