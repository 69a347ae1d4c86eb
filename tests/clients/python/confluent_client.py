"""The confluent-kafka client."""

import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from task import PATIENCE_SECONDS, record, run


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


def read(task, report):
    settings = {"group.id": task["topic"] + "-group", "auto.offset.reset": "earliest"}
    consumer = Consumer(properties(task) | settings)
    consumer.subscribe([task["topic"]])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while report.expected and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            print(message.error(), file=sys.stderr)
            continue
        report.saw(message.key(), message.value())
    consumer.close()


def round_trip(task, report):
    topic = NewTopic(task["topic"], num_partitions=task["partitions"])
    admin = AdminClient(properties(task))
    admin.create_topics([topic])[task["topic"]].result(PATIENCE_SECONDS)
    report.written(write(task))
    read(task, report)


def describe(task, report):
    admin = AdminClient(properties(task))
    cluster = admin.describe_cluster(request_timeout=PATIENCE_SECONDS).result()
    report.learned(cluster.cluster_id, [(node.id, node.host, node.port) for node in cluster.nodes])


run(round_trip, describe)
