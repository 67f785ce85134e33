// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

func TestX3_FactsAndStampAreOneStatus(t *testing.T) {
	clone := newCopy()
	clone.SetGeneration(5)
	clone.Object["status"] = map[string]any{"state": "Primary", "unknown": []any{"x"}, "exchange": "not a stamp"}
	report := translate.Report("dr1", clone)
	assert.Equal(t, "inbox-dr1", report.GetNamespace())
	assert.Equal(t, "app.db", report.GetName())
	assert.NotContains(t, report.Object, "status")
	assert.False(t, translate.Stamped(report))

	status := translate.ReportStatus("dr1", "cluster-1", clone, nil, noon)
	assert.NotContains(t, status.Object, "spec")
	assert.Equal(t, map[string]any{
		"state": "Primary", "unknown": []any{"x"},
		"exchange": map[string]any{
			"wishUID": "wish", "wishGeneration": int64(3), "epoch": int64(2), "origin": "hub",
			"clusterID": "cluster-1", "spokeUID": "copy", "spokeGeneration": int64(5), "spokeResourceVersion": "10", "observedTime": "2026-01-01T12:00:00Z",
		},
	}, status.Object["status"])
}

func TestX10_TheStampSaysThatTheCopyIsGoing(t *testing.T) {
	clone := newCopy()
	deleting(clone)
	stamp := translate.ReportStatus("dr1", "cluster-1", clone, nil, noon).Object["status"].(map[string]any)["exchange"].(map[string]any)
	assert.Equal(t, true, stamp["spokeDeleting"])
}

func TestX11_TimeAloneIsNoReasonToReport(t *testing.T) {
	clone := newCopy()
	clone.Object["status"] = map[string]any{"state": "Primary"}
	first := translate.ReportStatus("dr1", "cluster-1", clone, nil, noon)
	assert.Equal(t, first, translate.ReportStatus("dr1", "cluster-1", clone, first, noon.Add(time.Hour)))
	clone.SetResourceVersion("11")
	assert.NotEqual(t, first, translate.ReportStatus("dr1", "cluster-1", clone, first, noon.Add(time.Hour)))
}

func TestAReportAboutWhatNoMirrorMadeNamesNoWish(t *testing.T) {
	clone := object("app", "db", "u", 1, nil, map[string]any{}, nil)
	stamp := translate.ReportStatus("dr1", "cluster-1", clone, nil, noon).Object["status"].(map[string]any)["exchange"]
	assert.Equal(t, map[string]any{"clusterID": "cluster-1", "spokeUID": "u", "spokeGeneration": int64(1), "spokeResourceVersion": "", "observedTime": "2026-01-01T12:00:00Z"}, stamp)
}

func TestX7_WhatWasDroppedIsNamed(t *testing.T) {
	sent := object("n", "o", "", 0, nil, map[string]any{"new": "x", "known": "y", "empty": nil,
		"list": []any{map[string]any{"n": "1", "new": "x"}, map[string]any{"n": "2"}}, "deep": map[string]any{"new": int64(1)}}, nil)
	kept := object("n", "o", "", 0, nil, map[string]any{"known": "y",
		"list": []any{map[string]any{"n": "1"}, map[string]any{"n": "2"}}, "deep": map[string]any{}}, nil)
	dropped := translate.Dropped(sent, kept)
	assert.Equal(t, "spec.deep.new, spec.list[].new, spec.new", dropped.String())
	assert.Empty(t, translate.Dropped(dropped.Without(sent), kept))
	assert.Equal(t, dropped, dropped.In(sent))
	assert.Empty(t, dropped.In(kept))
}

func TestDelivery(t *testing.T) {
	wish, clone := newWish(), newCopy()
	clone.SetGeneration(1)
	read := func(o *translate.Object) map[string]string {
		out := map[string]string{}
		for _, c := range o.Object["status"].(map[string]any)["conditions"].([]any) {
			m := c.(map[string]any)
			assert.Equal(t, int64(3), m["observedGeneration"])
			out[m["type"].(string)] = m["status"].(string) + "/" + m["reason"].(string)
		}
		return out
	}
	assert.Equal(t, map[string]string{"Applied": "True/Applied", "Available": "True/Exists", "Progressing": "True/NotObserved", "Degraded": "False/AsExpected"},
		read(translate.Delivery(wish, clone, translate.Outcome{}, noon)))
	clone.Object["status"] = map[string]any{"observedGeneration": int64(1)}
	told := translate.Delivery(wish, clone, translate.Outcome{}, noon)
	assert.Equal(t, "False/Observed", read(told)["Progressing"])

	wish.Object["status"] = told.Object["status"]
	assert.Equal(t, told, translate.Delivery(wish, clone, translate.Outcome{}, noon.Add(time.Hour)), "times change with the status only")
	refused := translate.Outcome{Reason: "EpochRefused", Message: "no"}
	assert.Equal(t, map[string]string{"Applied": "False/EpochRefused", "Available": "False/NotFound", "Progressing": "True/Creating", "Degraded": "True/EpochRefused"},
		read(translate.Delivery(wish, nil, refused, noon)))
	deleting(wish)
	assert.Equal(t, map[string]string{"Applied": "True/Deleted", "Available": "False/NotFound", "Progressing": "False/Gone", "Degraded": "False/AsExpected"},
		read(translate.Delivery(wish, nil, translate.Outcome{}, noon)))
}
