using System;
using System.Collections.Generic;
using System.Linq;
using Newtonsoft.Json;
using SaContexts.Api;
using SaContexts.Client;
using SaContexts.Model;

/// <summary>The walk of openapi-generator's C# client.</summary>
static class WalkGenerated
{
    static void Main(string[] arguments)
    {
        var api = new SAContextsApi(At(arguments[0]));
        var contexts = new List<SaContext>();
        string cursor = null;
        do
        {
            var page = api.ListSaContexts(limit: 100, cursor: cursor);
            contexts.AddRange(page.Items);
            cursor = page.NextCursor;
        } while (cursor != null);
        var notFound = Failure<Problem>(() => api.GetSaContext("1"));
        var gone = Failure<SnapshotExpiredProblem>(() => api.ListSaContexts(limit: 100, cursor: arguments[1]));
        Console.Write(JsonConvert.SerializeObject(new
        {
            ids = contexts.Select(each => each.SaContextId),
            mmSaIds = contexts.Where(each => each.OutboundSa != null).Select(each => each.OutboundSa.SaBundle.MmSaId),
            notFound = new { code = notFound.Code, status = notFound.Status },
            gone = new { code = gone.Code, status = gone.Status, restartUrl = gone.RestartUrl },
            newer = Newer(At(arguments[2])),
        }));
    }

    static Configuration At(string url)
    {
        var key = Environment.GetEnvironmentVariable("SA_CONTEXTS_TOKEN");
        return new Configuration { BasePath = url, AccessToken = key };
    }

    static T Failure<T>(Action call)
    {
        try
        {
            call();
        }
        catch (ApiException exception)
        {
            return JsonConvert.DeserializeObject<T>((string)exception.ErrorContent);
        }
        throw new InvalidOperationException("no failure");
    }

    /// <summary>Calls every operation of the newer server that returns JSON.</summary>
    static string[] Newer(Configuration configuration)
    {
        var api = new SAContextsApi(configuration);
        var page = api.ListSaContexts();
        api.GetSaContext(page.Items.First().SaContextId);
        api.SummarizeSaContexts();
        new MainModeSAsApi(configuration).ListIkeSas();
        new ConnectionsApi(configuration).ListConnections();
        new NetEventsApi(configuration).ListNetEvents();
        new StatisticsApi(configuration).GetIpsecStatistics();
        new StatisticsApi(configuration).GetIkeStatistics();
        new EngineApi(configuration).GetEngine();
        new HealthApi(configuration).GetLiveness();
        new HealthApi(configuration).GetReadiness();
        new ProblemsApi(configuration).GetProblem("not_found");
        var bundle = page.Items.First(each => each.OutboundSa != null).OutboundSa.SaBundle;
        return new[]
        {
            bundle.IpVersion,
            Failure<Problem>(() => api.GetSaContext("1")).Code,
            bundle.SaList.First().Transform.TransformType,
        };
    }
}
