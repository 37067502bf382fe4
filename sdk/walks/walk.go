// The walk of the Go client.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"

	"example.com/follow/sacontexts"
)

type seen struct {
	Ids      []string       `json:"ids"`
	MmSaIds  []*string      `json:"mmSaIds"`
	NotFound map[string]any `json:"notFound"`
	Gone     map[string]any `json:"gone"`
	Newer    []string       `json:"newer"`
}

var background = context.Background()

func client(url string) *sacontexts.APIClient {
	configuration := sacontexts.NewConfiguration()
	configuration.Servers = sacontexts.ServerConfigurations{{URL: url}}
	configuration.AddDefaultHeader("Authorization", "Bearer "+os.Getenv("SA_CONTEXTS_TOKEN"))
	return sacontexts.NewAPIClient(configuration)
}

func require(err error) {
	if err != nil {
		panic(err)
	}
}

func check[T any](_ T, _ *http.Response, err error) { require(err) }

// problem returns the body of a failure as a given type.
func problem[T any](err error) T {
	var read T
	require(json.Unmarshal(err.(*sacontexts.GenericOpenAPIError).Body(), &read))
	return read
}

func notFound(api *sacontexts.APIClient) sacontexts.Problem {
	_, _, err := api.SAContextsAPI.GetSaContext(background, "1").Execute()
	return problem[sacontexts.Problem](err)
}

// newer calls every operation of the newer server that returns JSON.
func newer(api *sacontexts.APIClient) []string {
	page, _, err := api.SAContextsAPI.ListSaContexts(background).Execute()
	require(err)
	check(api.SAContextsAPI.GetSaContext(background, page.Items[0].SaContextId).Execute())
	check(api.SAContextsAPI.SummarizeSaContexts(background).Execute())
	check(api.MainModeSAsAPI.ListIkeSas(background).Execute())
	check(api.ConnectionsAPI.ListConnections(background).Execute())
	check(api.NetEventsAPI.ListNetEvents(background).Execute())
	check(api.StatisticsAPI.GetIpsecStatistics(background).Execute())
	check(api.StatisticsAPI.GetIkeStatistics(background).Execute())
	check(api.EngineAPI.GetEngine(background).Execute())
	check(api.HealthAPI.GetLiveness(background).Execute())
	check(api.HealthAPI.GetReadiness(background).Execute())
	check(api.ProblemsAPI.GetProblem(background, "not_found").Execute())
	for _, each := range page.Items {
		if outbound := each.OutboundSa.Get(); outbound != nil {
			transform := outbound.SaBundle.SaList[0].Transform
			return []string{outbound.SaBundle.IpVersion, notFound(api).Code, transform.TransformType}
		}
	}
	panic("no outbound SA")
}

func main() {
	api := client(os.Args[1])
	var result seen
	request := api.SAContextsAPI.ListSaContexts(background).Limit(100)
	for more := true; more; {
		page, _, err := request.Execute()
		require(err)
		for _, each := range page.Items {
			result.Ids = append(result.Ids, each.SaContextId)
			if outbound := each.OutboundSa.Get(); outbound != nil {
				result.MmSaIds = append(result.MmSaIds, outbound.SaBundle.MmSaId.Get())
			}
		}
		if more = page.NextCursor != nil; more {
			request = request.Cursor(*page.NextCursor)
		}
	}
	missing := notFound(api)
	result.NotFound = map[string]any{"code": missing.Code, "status": missing.Status}
	_, _, err := api.SAContextsAPI.ListSaContexts(background).Limit(100).Cursor(os.Args[2]).Execute()
	expired := problem[sacontexts.SnapshotExpiredProblem](err)
	result.Gone = map[string]any{
		"code": expired.Code, "status": expired.Status, "restartUrl": expired.RestartUrl,
	}
	result.Newer = newer(client(os.Args[3]))
	require(json.NewEncoder(os.Stdout).Encode(result))
}
