import java.io.*;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersion;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersionCollection;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Kafka's own generated classes as judge of a codec. Writes random answers, reads what the codec made
 * of each, and compares that with what these classes write for the same answer with other addresses.
 *
 * Out, in batches: int32 count (0 ends), then for each int16 key, int16 version, int32 length, payload.
 * In, for each: int32 length, payload rewritten; int32 length (-1: no tail), payload neutralised.
 */
public class Oracle {
    static final int BATCH = 200;
    static final Random RANDOM = new Random(951);

    /** Key, lowest and highest version of what the codec reads. */
    static final int[][] KNOWN = {
        {3, 0, 13}, {60, 0, 2}, {10, 0, 6}, {0, 10, 13}, {1, 16, 18}, {78, 1, 2}, {79, 1, 2}, {18, 0, 5},
    };

    /** The highest version a client may be offered, and the lowest that is known. */
    static final Map<Integer, int[]> OFFERED = Map.of(0, new int[] {13, 0}, 1, new int[] {15, 0},
        3, new int[] {13, 0}, 10, new int[] {6, 0}, 18, new int[] {5, 0}, 60, new int[] {2, 0},
        78, new int[] {2, 1}, 79, new int[] {2, 1});

    record Case(int key, short version, byte[] payload, ApiMessage sent, ResponseHeaderData header) {}

    public static void main(String[] args) throws Exception {
        try {
            judgeAll(Integer.parseInt(args[0]));
        } catch (Exception e) {
            // Java's launcher stumbles over traces of its own making.
            e.printStackTrace();
            System.exit(1);
        }
    }

    static void judgeAll(int each) throws Exception {
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16));
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
        for (int[] known : KNOWN) {
            ApiMessageType type = ApiMessageType.fromApiKey((short) known[0]);
            int highest = type.responseSchemas().length - 1;
            check(highest == known[2], type + " has version " + highest);
            for (short version = (short) known[1]; version <= known[2]; version++) {
                for (int done = 0; done < each; done += BATCH) {
                    batch(type, version, Math.min(BATCH, each - done), out, in);
                }
            }
        }
        out.writeInt(0);
        out.flush();
    }

    static void batch(ApiMessageType type, short version, int count, DataOutputStream out, DataInputStream in)
        throws Exception {
        List<Case> cases = new ArrayList<>();
        out.writeInt(count);
        for (int i = 0; i < count; i++) {
            Case one = random(type, version);
            cases.add(one);
            out.writeShort(one.key);
            out.writeShort(one.version);
            out.writeInt(one.payload.length);
            out.write(one.payload);
        }
        out.flush();
        for (Case one : cases) {
            judge(type, one, in.readNBytes(in.readInt()));
            int length = in.readInt();
            if (length >= 0) {
                judgeNeutralised(type, one, in.readNBytes(length));
            }
        }
    }

    static Case random(ApiMessageType type, short version) throws Exception {
        Schema schema = type.responseSchemas()[version];
        Struct struct = (Struct) randomOf(schema);
        ByteBuffer bytes = ByteBuffer.allocate(schema.sizeOf(struct));
        schema.write(bytes, struct);
        bytes.flip();
        ApiMessage message = type.newResponse();
        message.read(new ByteBufferAccessor(bytes), version);
        check(!bytes.hasRemaining(), "the schema and the class of " + type + " disagree");
        makePlausible(message, version);
        ResponseHeaderData header = new ResponseHeaderData().setCorrelationId(RANDOM.nextInt());
        if (type.responseHeaderVersion(version) >= 1) {
            header.unknownTaggedFields().addAll(unknown(Set.of()));
        }
        return new Case(type.apiKey(), version, payload(type, header, message, version), message, header);
    }

    static byte[] payload(ApiMessageType type, ResponseHeaderData header, ApiMessage message, short version) {
        ByteBuffer head = MessageUtil.toByteBufferAccessor(header, type.responseHeaderVersion(version)).buffer();
        ByteBuffer body = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] all = new byte[head.remaining() + body.remaining()];
        int length = head.remaining();
        head.get(all, 0, length);
        body.get(all, length, body.remaining());
        return all;
    }

    // ---- judging

    static void judge(ApiMessageType type, Case one, byte[] got) throws Exception {
        // A copy: duplicate() would lose unknown tags.
        ApiMessage expected = read(type, one, one.payload);
        boolean removed = place(expected, false);
        byte[] bytes = payload(type, one.header, expected, one.version);
        // An empty list may be written as such, or left out with its tag.
        boolean same = Arrays.equals(got, bytes)
            || removed && read(type, one, got).equals(expected);
        check(same, type + " v" + one.version + " rewritten\nsent " + one.sent + "\nwant " + expected
            + "\nsent " + hex(one.payload) + "\ngot  " + hex(got) + "\nwant " + hex(bytes));
    }

    static void judgeNeutralised(ApiMessageType type, Case one, byte[] got) throws Exception {
        String what = type + " v" + one.version + " neutralised\nsent " + hex(one.payload) + "\ngot  " + hex(got);
        if (endpoints(one.sent).isEmpty()) {
            check(Arrays.equals(got, one.payload), what);
            return;
        }
        check(got.length == one.payload.length, what);
        // A copy: duplicate() would lose unknown tags.
        ApiMessage expected = read(type, one, one.payload);
        place(expected, true);
        ApiMessage read = read(type, one, got);
        List<RawTaggedField> tags = read.unknownTaggedFields();
        for (int i = 1; i < tags.size(); i++) {
            check(tags.get(i - 1).tag() < tags.get(i).tag(), "order of tags in " + what);
        }
        tags.removeAll(new ArrayList<>(expected.unknownTaggedFields()));
        check(tags.size() == 1 && zeros(tags.get(0).data()), "padding in " + what);
        tags.clear();
        tags.addAll(expected.unknownTaggedFields());
        check(read.equals(expected), what);
    }

    static boolean zeros(byte[] data) {
        for (byte b : data) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** Header and message, to the last byte. */
    static ApiMessage read(ApiMessageType type, Case one, byte[] payload) {
        ByteBuffer bytes = ByteBuffer.wrap(payload);
        ResponseHeaderData header = new ResponseHeaderData();
        header.read(new ByteBufferAccessor(bytes), type.responseHeaderVersion(one.version));
        check(header.equals(one.header), "header of " + type + " v" + one.version + " " + hex(payload));
        ApiMessage message = type.newResponse();
        message.read(new ByteBufferAccessor(bytes), one.version);
        check(!bytes.hasRemaining(), "bytes left over in " + type + " v" + one.version + " " + hex(payload));
        return message;
    }

    // ---- what an answer is to become

    /** Puts other addresses in; returns whether an entry was left out for it. */
    static boolean place(ApiMessage message, boolean nobody) throws Exception {
        if (message instanceof ApiVersionsResponseData versions) {
            clamp(versions);
            return false;
        }
        if (message instanceof FindCoordinatorResponseData found) {
            if (!found.host().isEmpty()) {
                placeCoordinator(found);
            }
            for (Object one : found.coordinators()) {
                placeCoordinator(one);
            }
            return false;
        }
        boolean controllers = message instanceof DescribeClusterResponseData d && d.endpointType() != 1;
        Collection<Object> list = endpoints(message);
        boolean removed = false;
        for (Object one : drained(list)) {
            int id = id(one);
            if (nobody || controllers || id < 0 || id > 9) {
                removed = true;
                continue;
            }
            set(one, "setHost", String.class, host(id));
            set(one, "setPort", int.class, 9000 + id);
            list.add(one);
        }
        return removed;
    }

    static String host(int id) {
        return "b" + id + "." + "x".repeat(id * 16);
    }

    static void placeCoordinator(Object one) throws Exception {
        int id = id(one);
        String host = (String) call(one, "host");
        if (id < 0 && host.isEmpty()) {
            return;
        }
        boolean mapped = id >= 0 && id <= 9;
        set(one, "setHost", String.class, mapped ? host(id) : "");
        set(one, "setPort", int.class, mapped ? 9000 + id : -1);
        if (!mapped) {
            set(one, "setNodeId", int.class, -1);
            if ((short) call(one, "errorCode") == 0) {
                set(one, "setErrorCode", short.class, (short) 15);
            }
        }
    }

    static void clamp(ApiVersionsResponseData versions) {
        ApiVersionCollection kept = new ApiVersionCollection();
        for (ApiVersion range : drained(versions.apiKeys())) {
            int[] offered = OFFERED.get((int) range.apiKey());
            if (offered == null) {
                kept.add(range);
                continue;
            }
            int most = range.apiKey() == 1 && range.minVersion() > 15 ? 18 : offered[0];
            int max = Math.min(range.maxVersion(), most);
            if (max >= range.minVersion() && max >= offered[1]) {
                kept.add(range.setMaxVersion((short) max));
            }
        }
        versions.setApiKeys(kept);
    }

    // ---- making random fields such as brokers send

    static void makePlausible(ApiMessage message, short version) throws Exception {
        if (message instanceof ApiVersionsResponseData versions) {
            // With error 35 every version has the layout of version 0.
            short[] errors = version == 0 ? new short[] {0, 35} : new short[] {0, 42, 129};
            versions.setErrorCode(errors[RANDOM.nextInt(errors.length)]);
            ApiVersionCollection ranges = new ApiVersionCollection();
            Set<Integer> keys = new HashSet<>();
            for (ApiVersion range : drained(versions.apiKeys())) {
                int key = RANDOM.nextBoolean() ? KNOWN[RANDOM.nextInt(KNOWN.length)][0] : RANDOM.nextInt(120);
                if (keys.add(key)) {
                    int min = RANDOM.nextInt(4) == 0 ? RANDOM.nextInt(20) : 0;
                    int max = min + RANDOM.nextInt(24);
                    ranges.add(range.setApiKey((short) key).setMinVersion((short) min).setMaxVersion((short) max));
                }
            }
            versions.setApiKeys(ranges);
            return;
        }
        if (message instanceof DescribeClusterResponseData cluster) {
            cluster.setEndpointType((byte) (version >= 1 && RANDOM.nextInt(4) == 0 ? 2 : 1));
        }
        if (message instanceof FindCoordinatorResponseData found && version < 4) {
            coordinator(found);
        }
        Collection<Object> list = endpoints(message);
        for (Object one : drained(list)) {
            if (message instanceof FindCoordinatorResponseData) {
                coordinator(one);
            } else {
                address(one);
            }
            list.add(one);
        }
    }

    static void coordinator(Object one) throws Exception {
        if (RANDOM.nextInt(3) > 0) {
            address(one);
            return;
        }
        set(one, "setNodeId", int.class, -1);
        set(one, "setHost", String.class, "");
        set(one, "setPort", int.class, -1);
    }

    static void address(Object one) throws Exception {
        boolean cluster = one instanceof DescribeClusterResponseData.DescribeClusterBroker;
        set(one, cluster ? "setBrokerId" : "setNodeId", int.class, RANDOM.nextInt(12));
        set(one, "setHost", String.class, text(1 + RANDOM.nextInt(140)));
        set(one, "setPort", int.class, 1 + RANDOM.nextInt(65535));
    }

    /** The list of those that have an address. */
    @SuppressWarnings("unchecked")
    static Collection<Object> endpoints(ApiMessage message) throws Exception {
        boolean brokers = message instanceof MetadataResponseData || message instanceof DescribeClusterResponseData;
        boolean coordinators = message instanceof FindCoordinatorResponseData;
        String list = brokers ? "brokers" : coordinators ? "coordinators" : "nodeEndpoints";
        return (Collection<Object>) call(message, list);
    }

    /** All elements, taken out: their keys must not change inside. */
    static <T> List<T> drained(Collection<T> list) {
        List<T> all = new ArrayList<>(list);
        list.clear();
        return all;
    }

    static int id(Object one) throws Exception {
        boolean cluster = one instanceof DescribeClusterResponseData.DescribeClusterBroker;
        return (int) call(one, cluster ? "brokerId" : "nodeId");
    }

    static final Map<String, Method> METHODS = new HashMap<>();

    static Object call(Object on, String name) throws Exception {
        String key = on.getClass().getName() + name;
        Method method = METHODS.get(key);
        if (method == null) {
            method = on.getClass().getMethod(name);
            METHODS.put(key, method);
        }
        return method.invoke(on);
    }

    static void set(Object on, String name, Class<?> type, Object value) throws Exception {
        String key = on.getClass().getName() + name;
        Method method = METHODS.get(key);
        if (method == null) {
            method = on.getClass().getMethod(name, type);
            METHODS.put(key, method);
        }
        method.invoke(on, value);
    }

    // ---- random values of any schema

    static Object randomOf(Type type) {
        if (type.isNullable() && RANDOM.nextInt(4) == 0) {
            return null;
        }
        if (type instanceof Schema schema) {
            Struct struct = new Struct(schema);
            for (BoundField field : schema.fields()) {
                struct.set(field, randomOf(field.def.type));
            }
            return struct;
        }
        if (type instanceof TaggedFields tagged) {
            NavigableMap<Integer, Object> fields = new TreeMap<>();
            tagged.fields().forEach((tag, field) -> {
                if (RANDOM.nextInt(3) > 0) {
                    fields.put(tag, randomOf(field.type));
                }
            });
            for (RawTaggedField raw : unknown(tagged.fields().keySet())) {
                fields.put(raw.tag(), raw);
            }
            return fields;
        }
        if (type.isArray()) {
            Type element = type.arrayElementType().get();
            Object[] array = new Object[RANDOM.nextInt(4)];
            Arrays.setAll(array, i -> randomOf(element));
            return array;
        }
        return switch (type.toString()) {
            case "BOOLEAN" -> RANDOM.nextBoolean();
            case "INT8" -> (byte) RANDOM.nextInt();
            case "INT16" -> (short) RANDOM.nextInt();
            case "UINT16" -> RANDOM.nextInt(65536);
            case "INT32" -> RANDOM.nextInt();
            case "UINT32" -> RANDOM.nextInt() & 0xffffffffL;
            case "INT64" -> RANDOM.nextLong();
            case "FLOAT64" -> RANDOM.nextDouble();
            case "UUID" -> new Uuid(RANDOM.nextLong(), RANDOM.nextLong());
            case "STRING", "COMPACT_STRING", "NULLABLE_STRING", "COMPACT_NULLABLE_STRING" ->
                text(RANDOM.nextInt(RANDOM.nextInt(10) == 0 ? 300 : 20));
            case "RECORDS", "COMPACT_RECORDS", "NULLABLE_RECORDS", "COMPACT_NULLABLE_RECORDS" ->
                MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(RANDOM.nextInt(10) == 0 ? 20000 : 200)));
            case "BYTES", "COMPACT_BYTES", "NULLABLE_BYTES", "COMPACT_NULLABLE_BYTES" -> ByteBuffer.wrap(bytes(200));
            default -> throw new IllegalStateException("a type never seen before: " + type);
        };
    }

    static List<RawTaggedField> unknown(Set<Integer> known) {
        List<RawTaggedField> fields = new ArrayList<>();
        if (RANDOM.nextInt(3) > 0) {
            return fields;
        }
        Set<Integer> tags = new TreeSet<>();
        for (int i = RANDOM.nextInt(4); i > 0; i--) {
            tags.add(RANDOM.nextInt(RANDOM.nextBoolean() ? 200 : 40000));
        }
        // Of the three that exist at most in a section.
        tags.removeAll(known);
        tags.forEach(tag -> fields.add(new RawTaggedField(tag, bytes(30))));
        return fields;
    }

    static byte[] bytes(int most) {
        byte[] bytes = new byte[RANDOM.nextInt(most + 1)];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    static String text(int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append("abcdefghijklmnopqrstuvwxyz0123456789-.".charAt(RANDOM.nextInt(38)));
        }
        return text.toString();
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes, 0, Math.min(bytes.length, 600));
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }
}
