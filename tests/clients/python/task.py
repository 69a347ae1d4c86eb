"""What a client is told (JSON on standard input) and what it reports (JSON on standard output). The
words are those of tests/src/clients/task.rs."""

import json
import sys

PATIENCE_SECONDS = 60


def run(round_trip, describe, endure=None):
    """Reads the task, carries it out by one of the two or both, and prints the report."""
    # One line: the end of standard input is for whoever goes on until then.
    task = json.loads(sys.stdin.readline())
    report = Report(task["records"])
    if task["action"] == "round_trip":
        round_trip(task, report)
    elif task["action"] == "endure" and endure:
        endure(task, report)
    elif task["action"] != "describe":
        sys.exit(f"this client cannot do {task['action']}")
    describe(task, report)
    json.dump(report.told, sys.stdout)


def record(index):
    return f"key-{index}", f"value of record {index}"


def encoded(task):
    """Keys and values of all records, as bytes."""
    for index in range(task["records"]):
        key, value = record(index)
        yield key.encode(), value.encode()


def common_properties(task):
    """What kafka-python and aiokafka call alike."""
    security = task["security"]
    found = {
        "bootstrap_servers": task["bootstrap"].split(","),
        "security_protocol": security["protocol"],
        "sasl_mechanism": security["mechanism"],
        "sasl_plain_username": security["username"],
        "sasl_plain_password": security["password"],
    }
    return {k: v for k, v in found.items() if v}


class Report:
    """What a client saw."""

    def __init__(self, records):
        self.expected = dict(record(index) for index in range(records))
        self.told = {"brokers": {}, "cluster_id": None, "written": 0, "read": 0, "wrong": 0}

    def say(self):
        """How far it has come."""
        print(json.dumps(self.told), flush=True)

    def written(self, count):
        self.told["written"] = count

    def saw(self, key, value):
        right = self.expected.pop(key.decode(), None) == value.decode()
        self.told["read" if right else "wrong"] += 1

    def learned(self, cluster_id, brokers):
        """`brokers`: of each its id, host and port."""
        self.told["cluster_id"] = cluster_id
        self.told["brokers"] = {str(id): f"{host}:{port}" for id, host, port in brokers}
