"""The kafka-python client."""

import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from task import PATIENCE_SECONDS, common_properties, encoded, run


def properties(task):
    ca = task["security"]["ca"]
    return common_properties(task) | ({"ssl_cafile": ca} if ca else {})


def write(task):
    producer = KafkaProducer(**properties(task))
    sent = [producer.send(task["topic"], key=key, value=value) for key, value in encoded(task)]
    for one in sent:
        one.get(timeout=PATIENCE_SECONDS)
    producer.close()
    return len(sent)


def read(task, report):
    consumer = KafkaConsumer(
        task["topic"],
        group_id=task["topic"] + "-group",
        auto_offset_reset="earliest",
        **properties(task),
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while report.expected and time.monotonic() < deadline:
        for messages in consumer.poll(timeout_ms=1000).values():
            for message in messages:
                report.saw(message.key, message.value)
    consumer.close()


def round_trip(task, report):
    admin = KafkaAdminClient(**properties(task))
    admin.create_topics({task["topic"]: {"num_partitions": task["partitions"]}})
    admin.close()
    report.written(write(task))
    read(task, report)


def describe(task, report):
    admin = KafkaAdminClient(**properties(task))
    cluster = admin.describe_cluster()
    admin.close()
    brokers = [(each["broker_id"], each["host"], each["port"]) for each in cluster["brokers"]]
    report.learned(cluster["cluster_id"], brokers)


run(round_trip, describe)
