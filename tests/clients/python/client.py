"""A confluent-kafka client that carries out one task (JSON on standard input) and reports (JSON on
standard output). The words are those of tests/src/clients/task.rs."""

import json
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

PATIENCE_SECONDS = 60


def properties(task):
    security = task["security"]
    found = {
        "bootstrap.servers": task["bootstrap"],
        "security.protocol": security["protocol"],
        "sasl.mechanism": security["mechanism"],
        "sasl.username": security["username"],
        "sasl.password": security["password"],
        "ssl.ca.location": security["ca"],
    }
    if security["mechanism"] == "OAUTHBEARER":
        found |= {
            "enable.sasl.oauthbearer.unsecure.jwt": "true",
            "sasl.oauthbearer.config": f"principal={security['username']}",
        }
    return {k: v for k, v in found.items() if v} | task["properties"]


def record(index):
    return f"key-{index}", f"value of record {index}"


def write(task):
    written = 0

    def delivered(error, _message):
        nonlocal written
        if error is None:
            written += 1
        else:
            print(error, file=sys.stderr)

    producer = Producer(properties(task) | {"enable.idempotence": True})
    for index in range(task["records"]):
        key, value = record(index)
        producer.produce(task["topic"], key=key, value=value, on_delivery=delivered)
    producer.flush(PATIENCE_SECONDS)
    return written


def read(task):
    expected = dict(record(index) for index in range(task["records"]))
    settings = {"group.id": task["topic"] + "-group", "auto.offset.reset": "earliest"}
    consumer = Consumer(properties(task) | settings)
    consumer.subscribe([task["topic"]])
    count = wrong = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while expected and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            print(message.error(), file=sys.stderr)
            continue
        count += 1
        if expected.pop(message.key().decode(), None) != message.value().decode():
            wrong += 1
    consumer.close()
    return count - wrong, wrong


def main():
    task = json.load(sys.stdin)
    admin = AdminClient(properties(task))
    report = {"cluster_id": None, "written": 0, "read": 0, "wrong": 0}
    if task["action"] == "round_trip":
        topic = NewTopic(task["topic"], num_partitions=task["partitions"])
        admin.create_topics([topic])[task["topic"]].result(PATIENCE_SECONDS)
        report["written"] = write(task)
        report["read"], report["wrong"] = read(task)
    elif task["action"] != "describe":
        sys.exit(f"this client cannot do {task['action']}")
    cluster = admin.describe_cluster(request_timeout=PATIENCE_SECONDS).result()
    report["cluster_id"] = cluster.cluster_id
    report["brokers"] = {str(node.id): f"{node.host}:{node.port}" for node in cluster.nodes}
    json.dump(report, sys.stdout)


main()
