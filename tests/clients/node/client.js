// The kafkajs client: carries out one task (JSON on standard input) and reports (JSON on standard
// output). The words are those of tests/src/clients/task.rs.
"use strict";

const { readFileSync } = require("node:fs");
const { Kafka, Partitioners, logLevel } = require("kafkajs");

const PATIENCE_MS = 60_000;

function connectionTo(task) {
  const { mechanism, username, password, ca } = task.security;
  const options = { brokers: task.bootstrap.split(","), logLevel: logLevel.WARN };
  if (mechanism) options.sasl = { mechanism: mechanism.toLowerCase(), username, password };
  if (ca) options.ssl = { ca: [readFileSync(ca, "utf8")] };
  return new Kafka(options);
}

function records(task) {
  return Array.from({ length: task.records }, (_, i) => ({ key: `key-${i}`, value: `value of record ${i}` }));
}

async function createTopic(kafka, { topic, partitions }) {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false });
  await admin.disconnect();
}

async function write(kafka, task) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = records(task);
  await producer.send({ topic: task.topic, messages });
  await producer.disconnect();
  return messages.length;
}

async function read(kafka, task, report) {
  const expected = new Map(records(task).map(({ key, value }) => [key, value]));
  const consumer = kafka.consumer({ groupId: `${task.topic}-group` });
  await consumer.connect();
  await consumer.subscribe({ topic: task.topic, fromBeginning: true });
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    const eachMessage = async ({ message }) => {
      const key = message.key.toString();
      report[expected.get(key) === message.value.toString() ? "read" : "wrong"]++;
      expected.delete(key);
      if (expected.size === 0) {
        clearTimeout(timer);
        resolve();
      }
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
}

async function describe(kafka, report) {
  const admin = kafka.admin();
  await admin.connect();
  const { brokers, clusterId } = await admin.describeCluster();
  await admin.disconnect();
  report.cluster_id = clusterId;
  report.brokers = Object.fromEntries(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
}

async function main() {
  const task = JSON.parse(readFileSync(0, "utf8"));
  const kafka = connectionTo(task);
  const report = { brokers: {}, cluster_id: null, written: 0, read: 0, wrong: 0 };
  if (task.action === "round_trip") {
    await createTopic(kafka, task);
    report.written = await write(kafka, task);
    await read(kafka, task, report);
  } else if (task.action !== "describe") {
    throw new Error(`this client cannot do ${task.action}`);
  }
  await describe(kafka, report);
  console.log(JSON.stringify(report));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
