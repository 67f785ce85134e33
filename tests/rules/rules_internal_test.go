// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// language is the language of expressions, without what is experimental.
var language = parser.NewParser(parser.Options{})

// ruleFile is the rules as Prometheus itself reads them: the operator writes the spec of the object to such a file.
func ruleFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../config/prometheus/rules.yaml")
	require.NoError(t, err)
	var object struct {
		Kind string
		Spec map[string]any
	}
	require.NoError(t, yaml.Unmarshal(text, &object))
	require.Equal(t, "PrometheusRule", object.Kind)
	text, err = yaml.Marshal(object.Spec)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func loaded(t *testing.T) []rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile(ruleFile(t))
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	var out []rulefmt.Rule
	for _, g := range groups.Groups {
		out = append(out, g.Rules...)
	}
	require.NotEmpty(t, out)
	return out
}

// exported are the labels of the series that a hub exports, by their names. A test of the hub keeps the list true.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/series.txt")
	require.NoError(t, err)
	out := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		kind, labels, _ := strings.Cut(rest, " ")
		list := strings.Split(labels, ",")
		if kind == "histogram" {
			out[name+"_bucket"] = append(slices.Clone(list), "le")
			out[name+"_count"], out[name+"_sum"] = list, list
			continue
		}
		out[name] = list
	}
	require.NotEmpty(t, out)
	return out
}

// TestRulesUseWhatAHubExports finds each series and label in the expressions among those that a hub, or a rule before,
// makes.
func TestRulesUseWhatAHubExports(t *testing.T) {
	known := exported(t)
	inWords := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, rule := range loaded(t) {
		expr, err := language.ParseExpr(rule.Expr)
		require.NoError(t, err)
		have := labelsOf(t, expr, known)
		for _, text := range rule.Annotations {
			for _, found := range inWords.FindAllStringSubmatch(text, -1) {
				assert.Contains(t, have, found[1], "%s: an annotation names a label that the alert lacks", rule.Alert)
			}
		}
		if rule.Record != "" {
			known[rule.Record] = have
		}
	}
}

// labelsOf are the labels that the result of an expression can have. It fails if the expression uses others.
func labelsOf(t *testing.T, expr parser.Expr, known map[string][]string) []string {
	t.Helper()
	switch e := expr.(type) {
	case *parser.VectorSelector:
		have, ok := known[e.Name]
		require.True(t, ok, "nobody exports %s", e.Name)
		for _, m := range e.LabelMatchers {
			if m.Name != model.MetricNameLabel {
				assert.Contains(t, have, m.Name, "label of %s", e.Name)
			}
		}
		return have
	case *parser.AggregateExpr:
		have := labelsOf(t, e.Expr, known)
		require.False(t, e.Without, "name the labels that stay")
		assert.Subset(t, have, e.Grouping, "%s", e)
		return e.Grouping
	case *parser.BinaryExpr:
		left, right := labelsOf(t, e.LHS, known), labelsOf(t, e.RHS, known)
		if e.VectorMatching != nil && e.VectorMatching.On {
			assert.Subset(t, left, e.VectorMatching.MatchingLabels, "%s", e)
			assert.Subset(t, right, e.VectorMatching.MatchingLabels, "%s", e)
		}
		if e.LHS.Type() == parser.ValueTypeScalar {
			return right
		}
		return left
	case *parser.ParenExpr:
		return labelsOf(t, e.Expr, known)
	case *parser.Call:
		for _, arg := range e.Args {
			labelsOf(t, arg, known)
		}
		return nil
	case *parser.NumberLiteral:
		return nil
	default:
		require.Failf(t, "what is this", "%T in %s", e, expr)
		return nil
	}
}

const (
	shop    = `obj_type="DRPlacementControl",obj_name="db",obj_namespace="shop"`
	leading = "\n" + `ramen_hub_leading{pod="a"} 1x300` + "\n" + `ramen_hub_leading{pod="b"} 0x300`
)

// TestAlertsFireWhenTheyShould lets Prometheus evaluate all rules every 15 seconds over series of one sample each 15
// seconds, and looks what fires at some moment.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	lag := `ramen_policy_schedule_interval_seconds{policyname="p"} 300x300` + leading + "\n" +
		`ramen_last_sync_timestamp_seconds{` + shop + `,policyname="p",scheduling_interval="5m"} `
	for name, tc := range map[string]struct {
		series string
		at     time.Duration
		want   []string // alert, severity, and the labels that tell which
	}{
		"all is well": {lag + `0+15x300` + "\n" + `ramen_workload_protection_status{` + shop + `} 1x300` + "\n" +
			`ramen_link_state{cluster="dr1",state="live"} 1x300` + "\n" + `ramen_link_state{cluster="dr1",state="lost"} 0x300`, 30 * time.Minute, nil},
		"an application that was never synchronized": {`ramen_policy_schedule_interval_seconds{policyname="p"} 300x300` + leading, 30 * time.Minute, nil},
		"two intervals behind":                       {lag + `0x300`, 10 * time.Minute, nil},
		"more than two intervals behind":             {lag + `0x300`, 12 * time.Minute, []string{"VolumeSynchronizationDelay warning db"}},
		"three intervals behind":                     {lag + `0x300`, 15*time.Minute + 15*time.Second, []string{"VolumeSynchronizationDelay critical db"}},
		"behind, told by two replicas": {`ramen_policy_schedule_interval_seconds{policyname="p",pod="a"} 300x300` + "\n" + `ramen_policy_schedule_interval_seconds{policyname="p",pod="b"} 300x300` + leading + "\n" +
			`ramen_last_sync_timestamp_seconds{` + shop + `,policyname="p",scheduling_interval="5m",pod="a"} 0x300` + "\n" +
			`ramen_last_sync_timestamp_seconds{` + shop + `,policyname="p",scheduling_interval="5m",pod="b"} 0x300`, 20 * time.Minute, []string{"VolumeSynchronizationDelay critical db"}},
		"unprotected for nine minutes":      {`ramen_workload_protection_status{` + shop + `} 0x300` + leading, 9 * time.Minute, nil},
		"unprotected for ten minutes":       {`ramen_workload_protection_status{` + shop + `} 0x300` + leading, 10 * time.Minute, []string{"WorkloadUnprotected critical db"}},
		"unprotected now and then":          {`ramen_workload_protection_status{` + shop + `} 0x30 1 0x200` + leading, 15 * time.Minute, nil},
		"consistency groups are asked for":  {`ramen_unsupported_consistency_grouping_enabled{` + shop + `} 1x300` + leading, time.Minute, []string{"UnsupportedConsistencyGroupingEnabled warning db"}},
		"a workload that stays for a while": {`ramen_progression_state{` + shop + `,state="WaitOnUserToCleanUp"} 1x300` + leading, 14 * time.Minute, nil},
		"a workload that does not leave":    {`ramen_progression_state{` + shop + `,state="WaitOnUserToCleanUp"} 1x300` + leading, 15 * time.Minute, []string{"ApplicationCleanupPending critical db"}},
		"the user was asked just now":       {`ramen_waiting_seconds{` + shop + `,fact="TargetNamed",needs_user="true"} 0+15x300` + leading, 5 * time.Minute, nil},
		"the user does not answer":          {`ramen_waiting_seconds{` + shop + `,fact="TargetNamed",needs_user="true"} 0+15x300` + leading, 6 * time.Minute, []string{"OperationWaitsForUser warning db TargetNamed"}},
		"a wait of less than an hour":       {`ramen_waiting_seconds{` + shop + `,cluster="dr2",fact="Answer",needs_user="false"} 0+15x300` + leading, time.Hour, nil},
		"a wait of more than an hour":       {`ramen_waiting_seconds{` + shop + `,cluster="dr2",fact="Answer",needs_user="false"} 0+15x300` + leading, time.Hour + time.Minute, []string{"OperationStuck warning dr2 db Answer"}},
		"a wait for a lost cluster is told by its link": {`ramen_waiting_seconds{` + shop + `,cluster="dr2",fact="LinkLive",needs_user="false"} 0+15x300` + leading + "\n" +
			`ramen_link_state{cluster="dr2",state="lost"} 1x300`, time.Hour + time.Minute, []string{"ClusterLinkLost critical dr2"}},
		"a link that blinks":                       {`ramen_link_state{cluster="dr2",state="lost"} 1 1 1 0 1 1 1 0 1 1 1` + leading, 2 * time.Minute, nil},
		"a cluster that is being installed":        {`ramen_link_state{cluster="dr2",state="never"} 1x300` + leading, 14 * time.Minute, nil},
		"a cluster that never comes":               {`ramen_link_state{cluster="dr2",state="never"} 1x300` + leading, 15 * time.Minute, []string{"ClusterNeverConnected warning dr2"}},
		"no replica leads":                         {`ramen_hub_leading{pod="a"} 0x300` + "\n" + `ramen_hub_leading{pod="b"} 0x300`, 5 * time.Minute, []string{"HubNotLeading critical"}},
		"another replica took over within minutes": {`ramen_hub_leading{pod="a"} 1x12 0x300` + "\n" + `ramen_hub_leading{pod="b"} 0x20 1x300`, 10 * time.Minute, nil},
		"no hub at all":                            {`up{job="other"} 1x300`, 5 * time.Minute, []string{"HubNotLeading critical"}},
		"a hub that has just gone":                 {`up{job="other"} 1x300`, 4 * time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ElementsMatch(t, tc.want, firing(t, tc.series, tc.at))
		})
	}
}

// firing are the alerts that fire at a moment, in words.
func firing(t *testing.T, series string, at time.Duration) []string {
	t.Helper()
	const every = 15 * time.Second
	suite, err := promqltest.NewLazyLoader("load 15s\n  "+strings.ReplaceAll(series, "\n", "\n  ")+"\n",
		promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true, Parser: language})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, suite.Close()) })
	m := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		AppendableV2: suite.Storage(),
		Context:      t.Context(),
		NotifyFunc:   func(context.Context, string, ...*rules.Alert) {},
		Logger:       slog.New(slog.DiscardHandler),
		Parser:       language,
	})
	groups, errs := m.LoadGroups(every, labels.EmptyLabels(), "", nil, false, ruleFile(t))
	require.Empty(t, errs)
	records, alerts := group(t, groups, "ramen-records"), group(t, groups, "ramen-alerts")
	for now := time.Duration(0); now <= at; now += every {
		suite.WithSamplesTill(time.Unix(0, 0).Add(now), func(err error) {
			require.NoError(t, err)
			for _, g := range []*rules.Group{records, alerts} {
				g.Eval(suite.Context(), time.Unix(0, 0).UTC().Add(now))
				for _, r := range g.Rules() {
					require.NoError(t, r.LastError(), r.Name())
				}
			}
		})
	}
	var out []string
	for _, rule := range alerts.AlertingRules() {
		for _, a := range rule.ActiveAlerts() {
			if a.State != rules.StateFiring {
				continue
			}
			words := []string{rule.Name(), a.Labels.Get("severity")}
			for _, l := range []string{"cluster", "obj_name", "fact"} {
				if v := a.Labels.Get(l); v != "" {
					words = append(words, v)
				}
			}
			out = append(out, strings.Join(words, " "))
			a.Annotations.Range(func(l labels.Label) {
				assert.NotRegexp(t, `<error|<no value>|\{\{|\(\)|  |/ `, l.Value, "%s of %s", l.Name, rule.Name())
			})
		}
	}
	return out
}

func group(t *testing.T, groups map[string]*rules.Group, name string) *rules.Group {
	t.Helper()
	for _, g := range groups {
		if g.Name() == name {
			return g
		}
	}
	require.Failf(t, "no such group", "%s", name)
	return nil
}
