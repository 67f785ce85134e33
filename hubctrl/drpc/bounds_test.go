// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// What a lie in each field that the hub reads can do at most. The application runs on dr1, which lies; dr2 is its peer.
func TestX16_WhatALieInAReportCanDoAtMost(t *testing.T) {
	type status = v1alpha1.VolumeReplicationGroupStatus
	with := func(edit func(*v1alpha1.ProtectedPVC)) func(*status) {
		return func(s *status) {
			p := volume("more")
			edit(&p)
			s.ProtectedPVCs = append(s.ProtectedPVCs, p)
		}
	}
	future := &metav1.Time{Time: start.Add(100 * time.Hour)}
	for name, tc := range map[string]struct {
		lie     func(*status)
		ignores string // what Protected says is ignored; empty: nothing
	}{
		"a volume of another application's namespace gets no copy": {with(func(p *v1alpha1.ProtectedPVC) { p.Namespace = "kube-system" }), "volume kube-system/more: the application has no volumes in that namespace"},
		"a volume without a name gets no copy":                     {with(func(p *v1alpha1.ProtectedPVC) { p.Name = "" }), "volume shop/: the name is invalid"},
		"a volume whose name is none gets no copy":                 {with(func(p *v1alpha1.ProtectedPVC) { p.Name = "../" + strings.Repeat("x", 1000) }), "the name is invalid"},
		"a volume whose class is no name gets no copy":             {with(func(p *v1alpha1.ProtectedPVC) { c := "A b"; p.StorageClassName = &c }), "its storageClassName is invalid"},
		"a volume of a negative size gets no copy":                 {with(sized("-1Gi")), "its size is impossible"},
		"a volume that would fill the other cluster gets no copy":  {with(sized("8Ei")), "its size is impossible"},
		"a driver whose name is too long":                          {with(func(p *v1alpha1.ProtectedPVC) { p.CSIProvisioner = strings.Repeat("d", 300) }), "its description is too long"},
		"labels that would fill the wish for the peer":             {with(func(p *v1alpha1.ProtectedPVC) { p.Labels = map[string]string{"x": strings.Repeat("v", 600<<10)} }), "the labels and annotations of all volumes are too long"},
		"more volumes than a group has": {func(s *status) {
			for i := range 1500 {
				s.ProtectedPVCs = append(s.ProtectedPVCs, volume(fmt.Sprint("v", i)))
			}
		}, "501 volumes: a group has at most 1000"},
		"groups of volumes that name more": {func(s *status) { s.PVCGroups = []v1alpha1.Groups{{Grouped: make([]string, 1001)}} }, "pvcgroups: they name more than 1000 volumes"},
		"a destination whose address is none": {func(s *status) {
			s.RDInfo = []v1alpha1.VolSyncReplicationDestinationInfo{{ProtectedPVC: volume("data"), RsyncTLS: &v1alpha1.RsyncTLSConfig{Address: "-oProxyCommand=x y"}}}
		}, "destination of shop/data: the address is invalid"},
		"an image that is to come": {func(s *status) {
			s.RDInfo = []v1alpha1.VolSyncReplicationDestinationInfo{{ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: "shop", Name: "data", LastSyncTime: future}}}
		}, "destination of shop/data: an image of 2026-01-05T16:00:00Z: it is in the future"},
		"a synchronization that is to come":       {func(s *status) { s.LastGroupSyncTime = future }, "lastGroupSyncTime 2026-01-05T16:00:00Z: it is in the future"},
		"a clock that is ten minutes off is fine": {func(s *status) { s.LastGroupSyncTime = &metav1.Time{Time: start.Add(10 * time.Minute)} }, ""},
		"a synchronization of negative duration":  {func(s *status) { s.LastGroupSyncDuration = &metav1.Duration{Duration: -time.Second} }, "lastGroupSyncDuration -1s: it is impossible"},
		"a synchronization of negative bytes":     {func(s *status) { b := int64(-5); s.LastGroupSyncBytes = &b }, "lastGroupSyncBytes -5: it is negative"},
		"a capture that is to come": {func(s *status) {
			s.KubeObjectProtection.CaptureToRecoverFrom = &v1alpha1.KubeObjectsCaptureIdentifier{EndTime: future}
		}, "captureToRecoverFrom of 2026-01-05T16:00:00Z: it is in the future"},
		"more conditions than a group has": {func(s *status) {
			for i := range 100 {
				s.Conditions = append(s.Conditions, condition(fmt.Sprint("C", i), "True", "R", ""))
			}
		}, "all conditions but the first 32"},
		"a message of 32000 bytes is cut, between characters": {func(s *status) {
			for i := range s.Conditions {
				s.Conditions[i].Message = strings.Repeat("é€", 6000)
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := withVolSync(t, "data")
			h.restate("dr1", tc.lie)
			dr2, decisions := h.wish("dr2").Spec, h.drpc().Status.Decisions
			h.pass()
			d := h.drpc()
			assert.Equal(t, decisions, d.Status.Decisions)
			protected := h.condition("Protected").Message
			if tc.ignores == "" {
				assert.NotContains(t, protected, "is ignored")
			} else {
				assert.Contains(t, protected, "ignored in the report of cluster dr1: ")
				assert.Contains(t, protected, tc.ignores)
			}
			if !strings.HasPrefix(name, "more volumes") {
				assert.Equal(t, dr2, h.wish("dr2").Spec, "the peer is told nothing of it")
			}
			assert.False(t, d.Status.LastGroupSyncTime.After(start.Add(time.Hour)), "no alert is put off")

			text, err := json.Marshal(d)
			require.NoError(t, err)
			assert.Less(t, len(text), 200<<10, "an API server takes 1.5 MB")
			for _, c := range append(d.Status.Conditions, d.Status.ResourceConditions.Conditions...) {
				assert.LessOrEqual(t, len(c.Message), 8192, c.Type)
				assert.True(t, utf8.ValidString(c.Message), c.Type)
			}

			h.obey("dr2")
			h.failover("dr2")
			h.pass()
			assert.Contains(t, h.shows(), "dr2:primary@2", "a failover away from it goes on")
		})
	}
}

func sized(quantity string) func(*v1alpha1.ProtectedPVC) {
	return func(p *v1alpha1.ProtectedPVC) {
		p.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(quantity)}
	}
}

// Volumes beyond the bounds are not known to be gone: nobody takes their copies away.
func TestX16_AVolumeThatIsIgnoredIsNotGone(t *testing.T) {
	h := withVolSync(t, "data", "logs")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.ProtectedPVCs = s.ProtectedPVCs[:1]
		s.ProtectedPVCs[0].Namespace = "elsewhere"
	})
	h.pass()
	assert.Len(t, h.wish("dr2").Spec.VolSync.RDSpec, 2)
	assert.Equal(t, metav1.ConditionFalse, h.condition("Protected").Status)
}
