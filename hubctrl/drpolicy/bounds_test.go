// SPDX-License-Identifier: Apache-2.0

package drpolicy_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// What a lie in each field that the hub reads of a DRClusterConfig can do at most. The other cluster, and the classes that
// both have, are as they were.
func TestX16_WhatALieAboutClassesCanDoAtMost(t *testing.T) {
	long := strings.Repeat("é", 300)
	add := func(change func(*v1alpha1.ClassFact)) func(*v1alpha1.DRClusterConfigStatus) {
		return func(s *v1alpha1.DRClusterConfigStatus) {
			c := v1alpha1.ClassFact{Kind: "StorageClass", Name: "more", Provisioner: "csi", Labels: map[string]string{}}
			change(&c)
			s.Classes = append(s.Classes, c)
		}
	}
	for name, tc := range map[string]struct {
		lie   func(*v1alpha1.DRClusterConfigStatus)
		valid bool
		says  string
	}{
		"a class whose name is none":      {add(func(c *v1alpha1.ClassFact) { c.Name = "../" + long }), true, "the name is invalid"},
		"a driver whose name is too long": {add(func(c *v1alpha1.ClassFact) { c.Provisioner = long }), true, "StorageClass more: the name of its driver is too long"},
		"an id that is too long": {add(func(c *v1alpha1.ClassFact) { c.Labels["ramendr.openshift.io/storageid"] = long }), true,
			"StorageClass more: a label or parameter of it is too long"},
		"thousands of classes": {func(s *v1alpha1.DRClusterConfigStatus) {
			for i := range 3000 {
				s.Classes = append(s.Classes, v1alpha1.ClassFact{Kind: "StorageClass", Name: fmt.Sprint("more", i)})
			}
		}, true, "all classes of dr1 after the first 1000"},
		"an id of a cluster that is none": {func(s *v1alpha1.DRClusterConfigStatus) { s.ClusterID = long }, false, "dr1: the cluster reports an invalid id"},
		"the id of the other cluster":     {func(s *v1alpha1.DRClusterConfigStatus) { s.ClusterID = "id-dr2" }, false, "are one and the same cluster"},
		"an error of 32000 bytes": {func(s *v1alpha1.DRClusterConfigStatus) {
			s.Conditions[0].Status, s.Conditions[0].Message = "False", strings.Repeat(long, 50)
		}, false, "could not read its classes"},
	} {
		t.Run(name, func(t *testing.T) {
			lies := report("dr1")
			tc.lie(&lies.Status)
			w := newWorld(t, []client.Object{drCluster("dr1", true), drCluster("dr2", true), lies, report("dr2")}...)
			w.mustReconcile()
			c := w.condition("Validated")
			assert.Equal(t, tc.valid, c.Status == metav1.ConditionTrue, c.Message)
			assert.Contains(t, c.Message, tc.says)
			assert.LessOrEqual(t, len(c.Message), 8192)
			assert.True(t, utf8.ValidString(c.Message))
			if tc.valid {
				assert.Equal(t, fast, w.policy().Status.Async.PeerClasses)
			}
			for range len(w.events.Events) {
				event := <-w.events.Events
				assert.True(t, utf8.ValidString(event))
				assert.Less(t, len(event), 1100)
			}
		})
	}
}

func TestX16_ASummaryNamesTheFirstOfManyClasses(t *testing.T) {
	one, two := report("dr1"), report("dr2")
	for i := range 900 {
		for _, r := range []*v1alpha1.DRClusterConfig{one, two} {
			r.Status.Classes = append(r.Status.Classes, v1alpha1.ClassFact{Kind: "StorageClass", Name: fmt.Sprintf("%s-%03d", strings.Repeat("c", 200), i), Provisioner: "csi",
				Labels: map[string]string{"ramendr.openshift.io/storageid": "storage-" + r.Name}})
		}
	}
	w := newWorld(t, drCluster("dr1", true), drCluster("dr2", true), one, two)
	w.mustReconcile()
	assert.Contains(t, w.condition("Validated").Message, ", and 891 more")
	assert.Len(t, w.policy().Status.Async.PeerClasses, 901)
}
