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
import sacontexts.model.Problem;
import sacontexts.model.ProblemCode;
import sacontexts.model.SaContext;
import sacontexts.model.SnapshotExpiredProblem;

/** The walk of the Java client. */
class Walk {
    private static final ObjectMapper JSON = ApiClient.createDefaultObjectMapper();

    public static void main(String[] arguments) throws Exception {
        var client = client(arguments[0]);
        var api = new SaContextsApi(client);
        List<SaContext> contexts = new ArrayList<>();
        Follow.pages(api, 100, page -> contexts.addAll(page.getItems()));

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
        seen.put("newer", newerWords(new SaContextsApi(client(arguments[2]))));
        System.out.print(JSON.writeValueAsString(seen));
    }

    private static ApiClient client(String url) {
        var client = new ApiClient();
        client.updateBaseUri(url);
        var key = System.getenv("SA_CONTEXTS_TOKEN");
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + key));
        return client;
    }

    private static List<Object> newerWords(SaContextsApi api) throws Exception {
        var context = api.listSaContexts(APIListSaContextsRequest.newBuilder().build()).getItems().stream()
                .filter(each -> each.getOutboundSa() != null)
                .findFirst()
                .orElseThrow();
        var unknown = APIGetSaContextRequest.newBuilder().saContextId("1").build();
        var problem = problem(() -> api.getSaContext(unknown), Problem.class);
        return List.of(
                context.getOutboundSa().getSaBundle().getIpVersion().getActualInstance(),
                problem.getCode().getActualInstance());
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
