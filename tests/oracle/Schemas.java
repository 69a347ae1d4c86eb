import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.*;
import java.util.jar.*;
import org.apache.kafka.common.message.ApiMessageType;

/**
 * Lists what Kafka's message definitions, as they are in the jar, say of addresses.
 *
 * A line for each API, {@code api KEY NAME VERSIONS}, and one for each field of an answer whose name
 * speaks of a place, {@code field KEY PATH TYPE VERSIONS}.
 */
public class Schemas {
    static final Set<String> WORDS = Set.of("host", "hosts", "port", "ports", "address", "addresses", "addr",
        "endpoint", "endpoints", "listener", "listeners", "uri", "url", "hostname", "ip", "location");

    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper().enable(JsonParser.Feature.ALLOW_COMMENTS);
        String jar = new File(ApiMessageType.class.getProtectionDomain().getCodeSource().getLocation().toURI()).getPath();
        try (JarFile file = new JarFile(jar)) {
            List<JarEntry> entries = Collections.list(file.entries());
            entries.sort(Comparator.comparing(JarEntry::getName));
            for (JarEntry entry : entries) {
                if (entry.getName().startsWith("common/message/") && entry.getName().endsWith("Response.json")) {
                    message(json.readTree(file.getInputStream(entry)));
                }
            }
        }
        // Whatever the definitions say, these are the APIs that the library has.
        for (ApiMessageType type : ApiMessageType.values()) {
            System.out.println("class " + type.apiKey() + " " + type.name + " " + (type.responseSchemas().length - 1));
        }
    }

    static void message(JsonNode message) {
        int key = message.get("apiKey").asInt();
        System.out.println("api " + key + " " + message.get("name").asText() + " " + message.get("validVersions").asText());
        Map<String, JsonNode> common = new HashMap<>();
        for (JsonNode struct : message.path("commonStructs")) {
            common.put(struct.get("name").asText(), struct.get("fields"));
        }
        // An API that has been removed has none.
        if (message.has("fields")) {
            fields(key, "", message.get("fields"), common);
        }
    }

    static void fields(int key, String path, JsonNode fields, Map<String, JsonNode> common) {
        for (JsonNode field : fields) {
            String name = field.get("name").asText();
            String type = field.get("type").asText();
            if (Arrays.stream(name.split("(?<=[a-z0-9])(?=[A-Z])")).anyMatch(w -> WORDS.contains(w.toLowerCase()))) {
                System.out.println("field " + key + " " + path + name + " " + type + " " + field.get("versions").asText());
            }
            JsonNode inner = field.has("fields") ? field.get("fields") : common.get(type.replace("[]", ""));
            if (inner != null) {
                fields(key, path + name + ".", inner, common);
            }
        }
    }
}
