// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
)

// TestEachWriteFailsOnce lets each write of a whole life fail, and succeed when it is tried again. The life must end the same.
func TestEachWriteFailsOnce(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	tries, failures := map[string]int{}, 0 // by verb and kind of object
	c.before = func(verb string, obj any) error {
		kind := fmt.Sprintf("%s %T", verb, obj)
		if tries[kind]++; tries[kind]%2 == 0 {
			return nil
		}
		failures++
		return fmt.Errorf("%s: %w", verb, errors.New("boom"))
	}
	c.undisturbed(func() { c.provision("data") })
	life(c)
	t.Log(failures, "failures")
	require.Greater(t, failures, 15, "the life has too few writes")
	requireEnd(c, "each write failed once")
}

func requireEnd(c *cluster, what string) {
	c.t.Helper()
	require.Equal(c.t, v1alpha1.PrimaryState, c.group().Status.State, what)
	require.Equal(c.t, corev1.ClaimBound, c.claim("data").Status.Phase, what)
	require.Equal(c.t, "Delete", c.pv("pv-data").Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"], what)
}

// TestErrorsAtAnyWrite lets one write of a whole life fail, each in turn. The life must end the same.
func TestErrorsAtAnyWrite(t *testing.T) {
	testlayer.Slow(t, "TestEachWriteFailsOnce")
	for n := 1; ; n++ {
		s := newStores()
		c := newCluster(t, "dr1", s)
		count, hit := 0, false
		c.before = func(verb string, obj any) error {
			if count++; count == n {
				hit = true
				return fmt.Errorf("%s: %w", verb, errors.New("boom"))
			}
			return nil
		}
		c.undisturbed(func() { c.provision("data") })
		life(c)
		requireEnd(c, fmt.Sprintf("failing at write %d", n))
		if !hit {
			return // beyond the last write
		}
	}
}

// life is deploy, relocate away, and back.
func life(c *cluster) {
	c.undisturbed(func() { c.wish(v1alpha1.Primary, "1") })
	c.persist()
	c.undisturbed(func() { c.remove(&corev1.PersistentVolumeClaim{}, ns, "data") })
	c.undisturbed(func() { c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate)) })
	c.persist()
	c.undisturbed(func() { c.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate)) })
	c.persist()
}

func (c *cluster) undisturbed(do func()) {
	before := c.before
	c.before = nil
	do()
	c.before = before
}

// persist is settle for a controller whose passes may fail.
func (c *cluster) persist() {
	c.t.Helper()
	for range 200 {
		was := c.writes
		_, err := c.pass()
		c.neighbors()
		if c.writes == was && err == nil {
			return
		}
	}
	require.Fail(c.t, "the controller does not come to rest")
}
