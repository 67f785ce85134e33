// SPDX-License-Identifier: Apache-2.0

package rewind

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

func TestAnUpdateThatDoesNotFollowIsLetThrough(t *testing.T) {
	object := func(uid, version string, generation int64) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), ResourceVersion: version, Generation: generation}}
	}
	was := object("a", "1000", 1)
	for name, c := range map[string]struct {
		is                *corev1.ConfigMap
		replaced, changed bool
	}{
		"a later status":                            {object("a", "1001", 1), false, false},
		"nothing, listed again":                     {object("a", "1000", 1), false, false},
		"another spec":                              {object("a", "1001", 2), false, true},
		"an earlier status, from a backup":          {object("a", "999", 1), true, true},
		"another object, of another history":        {object("b", "2000", 1), true, true},
		"another object, from a backup":             {object("b", "10", 1), true, true},
		"the same object, in no order that we know": {object("a", "x", 1), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			update := event.UpdateEvent{ObjectOld: was, ObjectNew: c.is}
			assert.Equal(t, c.replaced, replaced().Update(update), "Replaced")
			assert.Equal(t, c.changed, Changed().Update(update), "Changed")
		})
	}
	assert.True(t, Changed().Create(event.CreateEvent{Object: was}))
	assert.True(t, Changed().Delete(event.DeleteEvent{Object: was}))
}
