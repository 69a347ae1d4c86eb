import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/**
 * The tasks "share" and "share_elections" of tests/src/clients/task.rs: writes, then (or all the
 * while) reads in a share group, where each record is acknowledged by itself. A program of its own,
 * since older jars have no share consumer.
 */
public class ShareClient {
    static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        JsonNode task = JSON.readTree(System.in);
        String topic = task.get("topic").asText();
        int records = task.get("records").asInt();
        ObjectNode report = JSON.createObjectNode();
        try (Admin admin = Admin.create(properties(task, Map.of()))) {
            int partitions = task.get("partitions").asInt();
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(partitions), Optional.empty()))).all().get();
            readFromTheBeginning(admin, topic + "-group");
            if (task.get("action").asText().equals("share")) {
                report.put("written", write(task, topic, records, Duration.ZERO));
                read(task, topic, records, report);
            } else {
                // While the test moves leaders.
                var written = CompletableFuture.supplyAsync(() -> write(task, topic, records, Duration.ofMillis(10)));
                read(task, topic, records, report);
                report.put("written", written.get());
            }
            report.put("wrong", report.get("wrong").asLong() + lag(admin, topic + "-group", partitions));
            DescribeClusterResult cluster = admin.describeCluster();
            report.put("cluster_id", cluster.clusterId().get());
            ObjectNode brokers = report.putObject("brokers");
            for (Node node : cluster.nodes().get()) {
                brokers.put(node.idString(), node.host() + ":" + node.port());
            }
        }
        System.out.println(report);
    }

    static void readFromTheBeginning(Admin admin, String group) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, group);
        ConfigEntry entry = new ConfigEntry("share.auto.offset.reset", "earliest");
        admin.incrementalAlterConfigs(Map.of(resource,
            List.of(new AlterConfigOp(entry, AlterConfigOp.OpType.SET)))).all().get();
    }

    static Map<String, Object> properties(JsonNode task, Map<String, Object> more) {
        Map<String, Object> found = new HashMap<>(more);
        JsonNode security = task.get("security");
        found.put("bootstrap.servers", task.get("bootstrap").asText());
        found.put("security.protocol", security.get("protocol").asText());
        if (!security.get("mechanism").asText().isEmpty()) {
            found.put("sasl.mechanism", "PLAIN");
            found.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" password=\"%s\";",
                security.get("username").asText(), security.get("password").asText()));
        }
        if (!security.get("ca").isNull()) {
            found.put("ssl.truststore.type", "PEM");
            found.put("ssl.truststore.location", security.get("ca").asText());
        }
        task.get("properties").fields().forEachRemaining(e -> found.put(e.getKey(), e.getValue().asText()));
        return found;
    }

    static int write(JsonNode task, String topic, int records, Duration pause) {
        try (var producer = new KafkaProducer<>(properties(task, Map.of()), new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < records; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, "key-" + i, "value of record " + i)));
                LockSupport.parkNanos(pause.toNanos());
            }
            producer.flush();
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
            return sent.size();
        } catch (InterruptedException | ExecutionException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Read are those whose acknowledgement has arrived; whatever of them comes again is wrong. */
    static void read(JsonNode task, String topic, int records, ObjectNode report) {
        Set<String> acknowledged = new HashSet<>();
        int wrong = 0;
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        Map<String, Object> more = Map.of("group.id", topic + "-group");
        try (var consumer = new KafkaShareConsumer<>(properties(task, more), new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (acknowledged.size() < records && System.nanoTime() < deadline) {
                ConsumerRecords<String, String> batch = consumer.poll(Duration.ofSeconds(1));
                for (ConsumerRecord<String, String> record : batch) {
                    String due = record.key().replace("key-", "value of record ");
                    if (!record.value().equals(due) || acknowledged.contains(record.key())) {
                        System.err.println("wrong: " + record);
                        wrong++;
                    }
                }
                consumer.commitSync().forEach((partition, error) -> {
                    if (error.isPresent()) {
                        // Its leader is another one now, which hands them out once more.
                        System.err.println(partition + ": " + error.get());
                    } else {
                        batch.records(partition.topicPartition()).forEach(record -> acknowledged.add(record.key()));
                    }
                });
            }
        }
        report.put("read", acknowledged.size()).put("wrong", wrong);
    }

    /** Records that the brokers say the group still has before it: those whose acknowledgement they do not have. */
    static long lag(Admin admin, String group, int partitions) throws Exception {
        var spec = Map.of(group, new ListShareGroupOffsetsSpec());
        while (true) {
            var told = admin.listShareGroupOffsets(spec).partitionsToOffsetInfo(group).get();
            // Those whose leader has just changed are left out.
            if (told.size() == partitions && told.values().stream().allMatch(one -> one.lag().isPresent())) {
                System.err.println("the group is at " + told);
                return told.values().stream().mapToLong(one -> one.lag().get()).sum();
            }
            Thread.sleep(100);
        }
    }
}
