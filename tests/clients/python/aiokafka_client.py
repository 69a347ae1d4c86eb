"""The aiokafka client."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from aiokafka.helpers import create_ssl_context

from task import PATIENCE_SECONDS, common_properties, encoded, run


def properties(task):
    ca = task["security"]["ca"]
    return common_properties(task) | ({"ssl_context": create_ssl_context(cafile=ca)} if ca else {})


async def create_topic(task):
    admin = AIOKafkaAdminClient(**properties(task))
    await admin.start()
    answer = await admin.create_topics([NewTopic(task["topic"], task["partitions"], 3)])
    await admin.close()
    for name, code, *_ in answer.topic_errors:
        if code:
            raise for_code(code)(name)


async def write(task):
    producer = AIOKafkaProducer(**properties(task))
    await producer.start()
    sent = [await producer.send(task["topic"], value, key) for key, value in encoded(task)]
    await asyncio.wait_for(asyncio.gather(*sent), PATIENCE_SECONDS)
    await producer.stop()
    return len(sent)


async def read(task, report):
    consumer = AIOKafkaConsumer(
        task["topic"],
        group_id=task["topic"] + "-group",
        auto_offset_reset="earliest",
        **properties(task),
    )
    await consumer.start()
    while report.expected:
        message = await consumer.getone()
        report.saw(message.key, message.value)
    await consumer.stop()


async def round_trip(task, report):
    await create_topic(task)
    report.written(await write(task))
    await asyncio.wait_for(read(task, report), PATIENCE_SECONDS)


async def describe(task, report):
    admin = AIOKafkaAdminClient(**properties(task))
    await admin.start()
    cluster = await admin.describe_cluster()
    await admin.close()
    brokers = [(each["node_id"], each["host"], each["port"]) for each in cluster["brokers"]]
    report.learned(cluster["cluster_id"], brokers)


run(
    lambda task, report: asyncio.run(round_trip(task, report)),
    lambda task, report: asyncio.run(describe(task, report)),
)
