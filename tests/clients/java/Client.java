import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/**
 * A Java client that carries out one task (JSON on standard input) and reports (JSON on standard
 * output). The words are those of tests/src/clients/task.rs. Runs from source with the jars of any
 * Kafka version since 2.8.
 */
public class Client {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Duration PATIENCE = Duration.ofSeconds(60);

    final JsonNode task;
    final String topic;
    final int records;
    final ObjectNode report = JSON.createObjectNode();

    Client(JsonNode task) {
        this.task = task;
        topic = task.get("topic").asText();
        records = task.get("records").asInt();
        report.putNull("cluster_id").put("written", 0).put("read", 0).put("wrong", 0);
    }

    public static void main(String[] args) throws Exception {
        Client client = new Client(JSON.readTree(firstLine()));
        try (Admin admin = Admin.create(client.properties(Map.of()))) {
            client.carryOut(admin);
            client.describe(admin);
        }
        System.out.println(client.report);
    }

    /** The task. Standard input stays open: its end is what "endure" waits for. */
    static byte[] firstLine() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = System.in.read(); next >= 0 && next != '\n'; next = System.in.read()) {
            line.write(next);
        }
        return line.toByteArray();
    }

    void carryOut(Admin admin) throws Exception {
        switch (task.get("action").asText()) {
            case "describe" -> { }
            case "round_trip" -> {
                createTopic(admin, Optional.empty());
                report.put("written", write(records));
                read(topic, "read_uncommitted");
            }
            case "transactions" -> {
                createTopic(admin, Optional.empty());
                report.put("written", transactions());
                read(topic, "read_committed");
            }
            case "elections" -> {
                // Fewer replicas than brokers, so that they can really move.
                createTopic(admin, Optional.of((short) 2));
                CompletableFuture<Integer> written = CompletableFuture.supplyAsync(() -> write(records));
                CompletableFuture<Void> read = CompletableFuture.runAsync(() -> read(topic, "read_uncommitted"));
                do {
                    moveReplicas(admin);
                    moveLeaders(admin);
                } while (!written.isDone());
                read.get();
                report.put("written", written.get());
            }
            case "administer" -> administer(admin);
            case "transfer" -> transfer(admin);
            case "endure" -> endure(admin);
            default -> throw new IllegalArgumentException("this client cannot do " + task.get("action"));
        }
    }

    Map<String, Object> properties(Map<String, Object> more) {
        Map<String, Object> found = new HashMap<>(more);
        JsonNode security = task.get("security");
        found.put("bootstrap.servers", task.get("bootstrap").asText());
        found.put("security.protocol", security.get("protocol").asText());
        String mechanism = security.get("mechanism").asText();
        if (!mechanism.isEmpty()) {
            String user = security.get("username").asText();
            String known = String.format("username=\"%s\" password=\"%s\"", user, security.get("password").asText());
            String login = switch (mechanism) {
                case "PLAIN" -> "plain.PlainLoginModule required " + known;
                case "OAUTHBEARER" -> "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"" + user + "\"";
                default -> "scram.ScramLoginModule required " + known;
            };
            found.put("sasl.mechanism", mechanism);
            found.put("sasl.jaas.config", "org.apache.kafka.common.security." + login + ";");
        }
        if (!security.get("ca").isNull()) {
            found.put("ssl.truststore.type", "PEM");
            found.put("ssl.truststore.location", security.get("ca").asText());
        }
        task.get("properties").fields().forEachRemaining(e -> found.put(e.getKey(), e.getValue().asText()));
        return found;
    }

    void createTopic(Admin admin, Optional<Short> replicas) throws Exception {
        createTopic(admin, topic, replicas);
    }

    void createTopic(Admin admin, String name, Optional<Short> replicas) throws Exception {
        NewTopic fresh = new NewTopic(name, Optional.of(task.get("partitions").asInt()), replicas);
        admin.createTopics(List.of(fresh)).all().get();
    }

    void describe(Admin admin) throws Exception {
        DescribeClusterResult cluster = admin.describeCluster();
        report.put("cluster_id", cluster.clusterId().get());
        ObjectNode brokers = report.putObject("brokers");
        for (Node node : cluster.nodes().get()) {
            brokers.put(node.idString(), node.host() + ":" + node.port());
        }
    }

    static String key(int index) {
        return "key-" + index;
    }

    static String value(int index) {
        return "value of record " + index;
    }

    KafkaProducer<String, String> producer(Map<String, Object> more) {
        return new KafkaProducer<>(properties(more), new StringSerializer(), new StringSerializer());
    }

    int write(int count) {
        try (var producer = producer(Map.of())) {
            return acknowledged(send(producer, count, ""));
        }
    }

    List<Future<RecordMetadata>> send(Producer<String, String> producer, int count, String prefix) {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            sent.add(producer.send(new ProducerRecord<>(topic, prefix + key(i), value(i))));
            spread();
        }
        producer.flush();
        return sent;
    }

    static int acknowledged(List<Future<RecordMetadata>> sent) {
        int count = 0;
        for (Future<RecordMetadata> one : sent) {
            try {
                one.get();
                count++;
            } catch (Exception error) {
                System.err.println(error);
            }
        }
        return count;
    }

    /** An aborted transaction, whose records nobody may see, and a committed one. */
    int transactions() {
        try (var producer = producer(Map.of("transactional.id", topic + "-id"))) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, records, "aborted-");
            producer.abortTransaction();
            producer.beginTransaction();
            int written = acknowledged(send(producer, records, ""));
            producer.commitTransaction();
            return written;
        }
    }

    Consumer<String, String> member(String group, Map<String, Object> more) {
        Map<String, Object> all = new HashMap<>(more);
        all.putAll(Map.of("group.id", group, "auto.offset.reset", "earliest"));
        return new KafkaConsumer<>(properties(all), new StringDeserializer(), new StringDeserializer());
    }

    void read(String from, String isolation) {
        Map<String, String> expected = new HashMap<>();
        for (int i = 0; i < records; i++) {
            expected.put(key(i), value(i));
        }
        int read = 0;
        int wrong = 0;
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try (var consumer = member(from + "-group", Map.of("isolation.level", isolation))) {
            consumer.subscribe(List.of(from));
            while (!expected.isEmpty() && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.value().equals(expected.remove(record.key()))) {
                        read++;
                    } else {
                        wrong++;
                    }
                }
            }
        }
        report.put("read", read).put("wrong", wrong);
    }

    /**
     * Writes, then carries all of it over into another topic, in transactions that take along how far
     * the group has come. Every other one is aborted, and must leave neither records nor a place.
     */
    void transfer(Admin admin) throws Exception {
        String target = topic + "-target";
        createTopic(admin, Optional.empty());
        createTopic(admin, target, Optional.empty());
        report.put("written", write(records));
        String group = topic + "-group";
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        Map<String, Object> byHand = Map.of("enable.auto.commit", false, "max.poll.records", 200);
        try (var producer = producer(Map.of("transactional.id", topic + "-id")); var consumer = member(group, byHand)) {
            producer.initTransactions();
            consumer.subscribe(List.of(topic));
            int tried = 0;
            for (int carried = 0; carried < records && System.nanoTime() < deadline; ) {
                ConsumerRecords<String, String> batch = consumer.poll(Duration.ofSeconds(1));
                if (!batch.isEmpty()) {
                    carried += carry(producer, consumer, batch, target, tried++ % 2 == 1);
                }
            }
        }
        long places = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream()
            .mapToLong(OffsetAndMetadata::offset).sum();
        read(target, "read_committed");
        report.put("wrong", report.get("wrong").asInt() + (places == records ? 0 : 1));
    }

    /** One transaction; returns how many records it has carried over for good. */
    static int carry(Producer<String, String> producer, Consumer<String, String> consumer,
            ConsumerRecords<String, String> batch, String target, boolean commit) throws Exception {
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        for (ConsumerRecord<String, String> record : batch) {
            producer.send(new ProducerRecord<>(target, record.key(), record.value()));
            next.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
        if (commit) {
            producer.commitTransaction();
            return batch.count();
        }
        producer.abortTransaction();
        // Back to where the group is: nothing of this counts.
        consumer.committed(consumer.assignment()).forEach(
            (partition, place) -> consumer.seek(partition, place == null ? 0 : place.offset()));
        return 0;
    }

    /** Writes and reads until standard input ends, and says on the way how far it has come. */
    void endure(Admin admin) throws Exception {
        createTopic(admin, Optional.empty());
        CompletableFuture<Long> deadline = CompletableFuture.supplyAsync(Client::deadlineSinceEndOfInput);
        AtomicInteger written = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> writeOn(deadline, written, failed));
        Map<String, String> places = new HashMap<>();
        int wrong = 0;
        boolean complete = false;
        try (var consumer = member(topic + "-group", Map.of())) {
            consumer.subscribe(List.of(topic));
            while (!complete && System.nanoTime() < deadline.getNow(Long.MAX_VALUE)) {
                // Before the report, which else would miss what was acknowledged since.
                complete = writing.isDone() && places.size() >= written.get();
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    // Read again at the same place, it is no other record: the group had lost its own.
                    String place = record.partition() + "@" + record.offset();
                    String before = places.put(record.key(), place);
                    String due = value(Integer.parseInt(record.key().replace("key-", "")));
                    if (!record.value().equals(due) || before != null && !before.equals(place)) {
                        System.err.println("wrong: " + record + ", before at " + before);
                        wrong++;
                    }
                }
                report.put("written", written.get()).put("read", places.size()).put("wrong", wrong + failed.get());
                System.out.println(report);
            }
        }
        writing.get();
    }

    static long deadlineSinceEndOfInput() {
        try {
            while (System.in.read() >= 0) { }
            return System.nanoTime() + PATIENCE.toNanos();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    void writeOn(Future<?> ended, AtomicInteger written, AtomicInteger failed) {
        try (var producer = producer(Map.of())) {
            for (int i = 0; !ended.isDone(); i++) {
                ProducerRecord<String, String> record = new ProducerRecord<>(topic, key(i), value(i));
                producer.send(record, (there, error) -> {
                    (error == null ? written : failed).incrementAndGet();
                    if (error != null) {
                        System.err.println("wrong: " + record.key() + ": " + error);
                    }
                });
                LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
            }
            producer.flush();
        }
    }

    /** Lets records be written all the time that leaders move, and not before. */
    void spread() {
        if (task.get("action").asText().equals("elections")) {
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        }
    }

    /** Takes each partition from its preferred leader and gives it to a broker that had none of it. */
    void moveReplicas(Admin admin) throws Exception {
        List<Integer> brokers = admin.describeCluster().nodes().get().stream().map(Node::id).toList();
        reassign(admin, replicas -> {
            List<Integer> moved = new ArrayList<>(replicas.subList(1, replicas.size()));
            brokers.stream().filter(id -> !replicas.contains(id)).limit(1).forEach(moved::add);
            return moved;
        });
    }

    /** Asks each broker for what only it knows: written are those asked, read those who answered for themselves. */
    void administer(Admin admin) throws Exception {
        createTopic(admin, Optional.empty());
        Set<Integer> ids = new TreeSet<>();
        admin.describeCluster().nodes().get().forEach(node -> ids.add(node.id()));
        int own = 0;
        int wrong = 0;
        for (int id : ids) {
            ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, Integer.toString(id));
            Config config = admin.describeConfigs(List.of(broker)).all().get().get(broker);
            if (config.get("node.id").value().equals(Integer.toString(id))) {
                own++;
            } else {
                wrong++;
            }
        }
        Set<Integer> stored = new TreeSet<>();
        admin.describeLogDirs(ids).allDescriptions().get().forEach((id, folders) -> folders.values().forEach(
            folder -> folder.replicaInfos().keySet().stream().filter(p -> p.topic().equals(topic)).forEach(p -> stored.add(id))));
        boolean quorum = voters(admin) == ids.size();
        boolean features = !admin.describeFeatures().featureMetadata().get().finalizedFeatures().isEmpty();
        admin.deleteTopics(List.of(topic)).all().get();
        if (!stored.equals(ids) || !quorum || !features) {
            wrong++;
        }
        report.put("written", ids.size()).put("read", own).put("wrong", wrong);
    }

    /** Of the quorum. By name, as clients older than 3.3 have no such method and compile this, too. */
    static int voters(Admin admin) throws Exception {
        Object quorum = Admin.class.getMethod("describeMetadataQuorum").invoke(admin);
        Object info = ((KafkaFuture<?>) quorum.getClass().getMethod("quorumInfo").invoke(quorum)).get();
        return ((List<?>) info.getClass().getMethod("voters").invoke(info)).size();
    }

    /** Makes the second replica of each partition its preferred leader, and lets it lead. */
    void moveLeaders(Admin admin) throws Exception {
        Set<TopicPartition> partitions = reassign(admin, replicas -> {
            List<Integer> order = new ArrayList<>(replicas);
            Collections.rotate(order, -1);
            return order;
        });
        // Partitions that are led by the right one already are reported as errors: not ours to care.
        admin.electLeaders(ElectionType.PREFERRED, partitions).partitions().get();
    }

    /** Gives each partition other replicas, and waits until they have all of it. */
    Set<TopicPartition> reassign(Admin admin, UnaryOperator<List<Integer>> other) throws Exception {
        Map<TopicPartition, Optional<NewPartitionReassignment>> moves = new HashMap<>();
        // What an admin client has for this is called otherwise in every other version.
        try (var consumer = new KafkaConsumer<>(properties(Map.of()), new StringDeserializer(), new StringDeserializer())) {
            for (PartitionInfo partition : consumer.partitionsFor(topic)) {
                List<Integer> replicas = other.apply(Arrays.stream(partition.replicas()).map(Node::id).toList());
                moves.put(new TopicPartition(topic, partition.partition()), Optional.of(new NewPartitionReassignment(replicas)));
            }
        }
        admin.alterPartitionReassignments(moves).all().get();
        while (!admin.listPartitionReassignments(moves.keySet()).reassignments().get().isEmpty()) { }
        return moves.keySet();
    }
}
