// SPDX-License-Identifier: Apache-2.0

package volumes_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

func TestWhichClaimsEndWithTheirPods(t *testing.T) {
	for name, c := range map[string]struct {
		claim string
		owner metav1.OwnerReference
		is    bool
	}{
		"a generic ephemeral volume":                                    {"web-0-scratch", metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "web-0", Controller: new(true)}, true},
		"a claim of a StatefulSet that is scaled down and deletes them": {"data-web-0", metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "web-0", Controller: new(true)}, false},
		"a claim that its StatefulSet deletes":                          {"data-web-0", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "web", Controller: new(true)}, false},
		"a claim that a Pod owns and does not control":                  {"web-0-scratch", metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "web-0"}, false},
		"a claim of an operator":                                        {"pod-a", metav1.OwnerReference{APIVersion: "db.example.com/v1", Kind: "Pod", Name: "pod", Controller: new(true)}, false},
	} {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: c.claim, OwnerReferences: []metav1.OwnerReference{c.owner}}}
		assert.Equal(t, c.is, volumes.Ephemeral(claim), name)
	}
}
