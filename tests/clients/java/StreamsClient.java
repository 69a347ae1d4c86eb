import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;

/**
 * The task "streams" of tests/src/clients/task.rs: two instances of an application count words, each in
 * memory for its own part. Each says by `application.server` where it can be asked, which the other one
 * learns from the group alone. Read are the words whose count is held where both instances say it is.
 */
public class StreamsClient {
    static final ObjectMapper JSON = new ObjectMapper();
    static final long PATIENCE = Duration.ofSeconds(90).toNanos();
    /** No brokers, and nobody is there: only what instances tell each other. */
    static final List<HostInfo> HOSTS = List.of(new HostInfo("words-1.application.example", 7001), new HostInfo("127.0.0.1", 7002));

    final JsonNode task;
    final String topic;
    final int records;
    final ObjectNode report = JSON.createObjectNode();
    final long deadline = System.nanoTime() + PATIENCE;
    final Map<HostInfo, KafkaStreams> instances = new HashMap<>();

    StreamsClient(JsonNode task) {
        this.task = task;
        topic = task.get("topic").asText();
        records = task.get("records").asInt();
    }

    public static void main(String[] args) throws Exception {
        new StreamsClient(JSON.readTree(System.in)).run();
    }

    void run() throws Exception {
        try (Admin admin = Admin.create(properties(Map.of()))) {
            int partitions = task.get("partitions").asInt();
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(partitions), Optional.empty()))).all().get();
            for (HostInfo host : HOSTS) {
                KafkaStreams instance = instance(host);
                instances.put(host, instance);
                instance.start();
            }
            // Both have a part before there is anything to count, so that no part moves later on.
            await(() -> instances.values().stream().allMatch(this::knowsAll));
            report.put("written", write());
            int found = 0;
            for (int i = 0; i < records; i++) {
                String key = "key-" + i;
                found += await(() -> isFound(key)) ? 1 : 0;
            }
            Set<HostInfo> used = new HashSet<>();
            for (int i = 0; i < records; i++) {
                used.add(told(instances.get(HOSTS.get(0)), "key-" + i));
            }
            report.put("read", found).put("wrong", used.equals(Set.copyOf(HOSTS)) ? 0 : 1);
            instances.values().forEach(instance -> instance.close(Duration.ofSeconds(20)));
            describe(admin);
        }
        System.out.println(report);
    }

    KafkaStreams instance(HostInfo host) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.String(), Serdes.String())).groupByKey()
            .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counts")).withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()));
        Map<String, Object> more = Map.of("application.id", topic + "-application",
            "application.server", host.host() + ":" + host.port(),
            "client.id", "at-" + host.port(),
            "statestore.cache.max.bytes", 0,
            "commit.interval.ms", 200);
        Properties all = new Properties();
        all.putAll(properties(more));
        all.put("state.dir", all.get("state.dir") + "/" + host.port());
        return new KafkaStreams(builder.build(), all);
    }

    /** Whether it knows of all instances, by the names they go by, and that each has a part. */
    boolean knowsAll(KafkaStreams instance) {
        Set<HostInfo> known = new HashSet<>();
        instance.metadataForAllStreamsClients().stream().filter(one -> !one.topicPartitions().isEmpty())
            .forEach(one -> known.add(one.hostInfo()));
        return known.equals(Set.copyOf(HOSTS));
    }

    static HostInfo told(KafkaStreams instance, String key) {
        return instance.queryMetadataForKey("counts", key, new StringSerializer()).activeHost();
    }

    boolean isFound(String key) {
        Set<HostInfo> told = new HashSet<>();
        instances.values().forEach(instance -> told.add(told(instance, key)));
        HostInfo one = told.iterator().next();
        if (told.size() != 1 || !instances.containsKey(one)) {
            return false;
        }
        try {
            ReadOnlyKeyValueStore<String, Long> counts = instances.get(one).store(
                StoreQueryParameters.fromNameAndType("counts", QueryableStoreTypes.keyValueStore()));
            return Long.valueOf(1).equals(counts.get(key));
        } catch (InvalidStateStoreException notYet) {
            return false;
        }
    }

    /** Whether it has come true in time. */
    boolean await(BooleanSupplier what) throws InterruptedException {
        while (!what.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            Thread.sleep(20);
        }
        return true;
    }

    int write() throws Exception {
        try (var producer = new KafkaProducer<>(properties(Map.of()), new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < records; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, "key-" + i, "value of record " + i)));
            }
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
            return sent.size();
        }
    }

    void describe(Admin admin) throws Exception {
        DescribeClusterResult cluster = admin.describeCluster();
        report.put("cluster_id", cluster.clusterId().get());
        ObjectNode brokers = report.putObject("brokers");
        for (Node node : cluster.nodes().get()) {
            brokers.put(node.idString(), node.host() + ":" + node.port());
        }
    }

    Map<String, Object> properties(Map<String, Object> more) {
        Map<String, Object> found = new HashMap<>(more);
        JsonNode security = task.get("security");
        found.put("bootstrap.servers", task.get("bootstrap").asText());
        found.put("security.protocol", security.get("protocol").asText());
        found.put("sasl.mechanism", security.get("mechanism").asText());
        found.put("sasl.jaas.config", String.format(
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" password=\"%s\";",
            security.get("username").asText(), security.get("password").asText()));
        task.get("properties").fields().forEachRemaining(e -> found.put(e.getKey(), e.getValue().asText()));
        return found;
    }
}
