"""The confluent-kafka client."""

import select
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from task import PATIENCE_SECONDS, record, run

# Between two records of a client that goes on.
PACE_SECONDS = 0.005


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


def member(task):
    settings = {"group.id": task["topic"] + "-group", "auto.offset.reset": "earliest"}
    consumer = Consumer(properties(task) | settings)
    consumer.subscribe([task["topic"]])
    return consumer


def read(task, report):
    consumer = member(task)
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


def create_topic(task):
    topic = NewTopic(task["topic"], num_partitions=task["partitions"])
    admin = AdminClient(properties(task))
    admin.create_topics([topic])[task["topic"]].result(PATIENCE_SECONDS)


class Endurance:
    """Writes and reads until standard input ends, and says on the way how far it has come."""

    def __init__(self, task, report):
        self.task = task
        self.report = report
        self.written = 0
        self.places = {}

    def delivered(self, error, message):
        if error is None:
            self.written += 1
        else:
            print("wrong:", message.key().decode(), error, file=sys.stderr)
            self.report.told["wrong"] += 1

    def saw(self, message):
        # Read again at the same place, it is no other record: the group had lost its own.
        key, place = message.key().decode(), (message.partition(), message.offset())
        before = self.places.setdefault(key, place)
        if message.value().decode() != key.replace("key-", "value of record ") or before != place:
            print("wrong:", key, place, before, file=sys.stderr)
            self.report.told["wrong"] += 1

    def say(self):
        self.report.told |= {"written": self.written, "read": len(self.places)}
        self.report.say()

    def run(self):
        create_topic(self.task)
        # More at once, and a broker's refusal of one partition has records of another written twice, as the
        # library goes on under a new epoch on all of them (issue 4953 of librdkafka).
        once = {"enable.idempotence": True, "max.in.flight": 1}
        producer = Producer(properties(self.task) | once)
        consumer = member(self.task)
        began, sent, deadline = time.monotonic(), 0, None
        while deadline is None or (self.written < sent or len(self.places) < sent) and time.monotonic() < deadline:
            if deadline is None and time.monotonic() > began + sent * PACE_SECONDS:
                key, value = record(sent)
                producer.produce(self.task["topic"], key=key, value=value, on_delivery=self.delivered)
                sent += 1
                self.say()
                if select.select([sys.stdin], [], [], 0)[0]:
                    deadline = time.monotonic() + PATIENCE_SECONDS
            producer.poll(0)
            message = consumer.poll(PACE_SECONDS)
            # Lost connections are told here, too: the library finds its way back by itself.
            if message is not None and not message.error():
                self.saw(message)
        self.say()
        consumer.close()


def endure(task, report):
    Endurance(task, report).run()


def round_trip(task, report):
    create_topic(task)
    report.written(write(task))
    read(task, report)


def describe(task, report):
    admin = AdminClient(properties(task))
    cluster = admin.describe_cluster(request_timeout=PATIENCE_SECONDS).result()
    report.learned(cluster.cluster_id, [(node.id, node.host, node.port) for node in cluster.nodes])


run(round_trip, describe, endure)
