import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/**
 * The task "share" of tests/src/clients/task.rs: writes, then reads in a share group, where each
 * record is acknowledged by itself. A program of its own, since older jars have no share consumer.
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
            report.put("written", write(task, topic, records));
            read(task, topic, records, report);
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

    static int write(JsonNode task, String topic, int records) throws Exception {
        try (var producer = new KafkaProducer<>(properties(task, Map.of()), new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < records; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, "key-" + i, "value of record " + i)));
            }
            producer.flush();
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
            return sent.size();
        }
    }

    static void read(JsonNode task, String topic, int records, ObjectNode report) {
        Map<String, String> expected = new HashMap<>();
        for (int i = 0; i < records; i++) {
            expected.put("key-" + i, "value of record " + i);
        }
        int read = 0;
        int wrong = 0;
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        Map<String, Object> more = Map.of("group.id", topic + "-group");
        try (var consumer = new KafkaShareConsumer<>(properties(task, more), new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (!expected.isEmpty() && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.value().equals(expected.remove(record.key()))) {
                        read++;
                    } else {
                        wrong++;
                    }
                }
                consumer.commitSync();
            }
        }
        report.put("read", read).put("wrong", wrong);
    }
}
