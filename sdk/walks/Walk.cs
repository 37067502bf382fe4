using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;
using Newtonsoft.Json;
using SaContexts;

/// <summary>The walk of NSwag's C# client.</summary>
static class Walk
{
    static void Main(string[] arguments) =>
        Run(arguments[0], arguments[1], arguments[2]).GetAwaiter().GetResult();

    static async Task Run(string url, string oldCursor, string newerUrl)
    {
        var client = Client(url);
        var contexts = new List<SaContext>();
        string cursor = null;
        do
        {
            var page = await client.ListSaContextsAsync(limit: 100, cursor: cursor);
            contexts.AddRange(page.Items);
            cursor = page.NextCursor;
        } while (cursor != null);

        // A word of the document, as a parameter.
        await client.ListSaContextsAsync(limit: 1, view: "basic", cipher: new[] { "gcm_aes_256", "none" });

        var notFound = await NotFound(client);
        SnapshotExpiredProblem gone = null;
        try
        {
            await client.ListSaContextsAsync(limit: 100, cursor: oldCursor);
        }
        catch (ApiException<SnapshotExpiredProblem> exception)
        {
            gone = exception.Result;
        }

        Console.Write(JsonConvert.SerializeObject(new
        {
            ids = contexts.Select(each => each.SaContextId),
            mmSaIds = contexts.Where(each => each.OutboundSa != null).Select(each => each.OutboundSa.SaBundle.MmSaId),
            notFound = new { code = notFound.Code, status = notFound.Status },
            gone = new { code = gone.Code, status = gone.Status, restartUrl = gone.RestartUrl },
            newer = await Newer(Client(newerUrl)),
        }));
    }

    static SaContextsClient Client(string url)
    {
        var http = new HttpClient();
        var key = Environment.GetEnvironmentVariable("SA_CONTEXTS_TOKEN");
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return new SaContextsClient(http) { BaseUrl = url };
    }

    static async Task<Problem> NotFound(SaContextsClient client)
    {
        try
        {
            await client.GetSaContextAsync("1");
        }
        catch (ApiException<Problem> exception)
        {
            return exception.Result;
        }
        throw new InvalidOperationException("found");
    }

    /// <summary>Calls every operation of the newer server that returns JSON.</summary>
    static async Task<string[]> Newer(SaContextsClient client)
    {
        var page = await client.ListSaContextsAsync();
        await client.GetSaContextAsync(page.Items.First().SaContextId);
        await client.SummarizeSaContextsAsync();
        await client.ListIkeSasAsync();
        await client.ListConnectionsAsync();
        await client.ListNetEventsAsync();
        await client.GetIpsecStatisticsAsync();
        await client.GetIkeStatisticsAsync();
        await client.GetEngineAsync();
        await client.GetLivenessAsync();
        await client.GetReadinessAsync();
        await client.GetProblemAsync("not_found");
        var bundle = page.Items.First(each => each.OutboundSa != null).OutboundSa.SaBundle;
        return new[]
        {
            bundle.IpVersion,
            (await NotFound(client)).Code,
            bundle.SaList.First().Transform.TransformType,
        };
    }
}
