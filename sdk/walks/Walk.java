import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import sacontexts.ApiClient;
import sacontexts.ApiException;
import sacontexts.api.SaContextsApi;
import sacontexts.api.SaContextsApi.APIGetSaContextRequest;
import sacontexts.api.SaContextsApi.APIListSaContextsRequest;
import sacontexts.model.AuthenticatingAndEncryptingTransform;
import sacontexts.model.CipherTransform;
import sacontexts.model.EncryptingTransform;
import sacontexts.model.Problem;
import sacontexts.model.ProblemCode;
import sacontexts.model.SaContext;
import sacontexts.model.SaContextDeleted;
import sacontexts.model.SaContextEvent;
import sacontexts.model.SnapshotExpiredProblem;

/** The walk of the Java client. */
class Walk {
    private static final ObjectMapper JSON = ApiClient.createDefaultObjectMapper();

    public static void main(String[] arguments) throws Exception {
        var client = client(arguments[0]);
        var api = new SaContextsApi(client);
        List<SaContext> contexts = new ArrayList<>();
        Contexts.each(api, 100, contexts::add);

        var unknown = APIGetSaContextRequest.newBuilder().saContextId("1").build();
        Problem notFound = problem(() -> api.getSaContext(unknown), Problem.class);
        require(notFound.getCode().getActualInstance() == ProblemCode.SA_CONTEXT_NOT_FOUND);

        var old = APIListSaContextsRequest.newBuilder().limit(100L).cursor(arguments[1]).build();
        SnapshotExpiredProblem gone = problem(() -> api.listSaContexts(old), SnapshotExpiredProblem.class);
        require(gone.getCode().getActualInstance() == ProblemCode.CURSOR_EXPIRED);

        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("ids", contexts.stream().map(SaContext::getSaContextId).toList());
        seen.put(
                "mmSaIds",
                contexts.stream()
                        .filter(context -> context.getOutboundSa() != null)
                        .map(context -> context.getOutboundSa().getSaBundle().getMmSaId())
                        .toList());
        seen.put("notFound", Map.of("code", notFound.getCode(), "status", notFound.getStatus()));
        seen.put(
                "gone",
                Map.of(
                        "code", gone.getCode(),
                        "status", gone.getStatus(),
                        "restartUrl", gone.getRestartUrl()));
        seen.put("newer", cipherType(JSON.readValue(arguments[2], SaContext.class)));
        seen.put("changes", changes(arguments[3], arguments[4]));
        System.out.print(JSON.writeValueAsString(seen));
    }

    private static ApiClient client(String url) {
        var client = new ApiClient();
        client.updateBaseUri(url);
        var key = System.getenv("SA_CONTEXTS_TOKEN");
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + key));
        return client;
    }

    private static List<List<String>> changes(String url, String place) throws Exception {
        var client = client(url);
        List<List<String>> seen = new ArrayList<>();
        Changes.each(client, place, (kind, data) -> {
            switch (kind) {
                case "added", "modified" ->
                    seen.add(List.of(kind, read(data, SaContextEvent.class).getSaContext().getSaContextId()));
                case "deleted" ->
                    seen.add(List.of(kind, read(data, SaContextDeleted.class).getSaContextId()));
                default -> {}
            }
        });
        return seen;
    }

    private static <T> T read(String text, Class<T> type) {
        try {
            return JSON.readValue(text, type);
        } catch (JsonProcessingException exception) {
            throw new AssertionError(exception);
        }
    }

    private static Object cipherType(SaContext context) {
        var transform =
                context.getOutboundSa().getSaBundle().getSaList().get(0).getTransform().getActualInstance();
        CipherTransform cipher =
                transform instanceof EncryptingTransform
                        ? ((EncryptingTransform) transform).getCipherTransform()
                        : ((AuthenticatingAndEncryptingTransform) transform).getCipherTransform();
        return cipher.getCipherType().getActualInstance();
    }

    private interface Call {
        void run() throws ApiException;
    }

    private static <T> T problem(Call call, Class<T> type) throws Exception {
        try {
            call.run();
        } catch (ApiException exception) {
            return JSON.readValue(exception.getResponseBody(), type);
        }
        throw new AssertionError("no problem");
    }

    private static void require(boolean holds) {
        if (!holds) {
            throw new AssertionError();
        }
    }
}
