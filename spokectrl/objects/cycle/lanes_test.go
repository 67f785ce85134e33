// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

// Where the Recipe can't be read, a capture is restored by the one that lies with it, which may have hooks.
func TestHooksOfACapturedRecipeHoldNoOtherRestoreBack(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		named := func(want cycle.Want, name string) cycle.Want {
			want.Group = capsule.Group{Namespace: "shop", Name: name}
			return want
		}
		captured := named(c.want(cycle.Capture, 1), "plain")
		c.store(captured)
		require.NotNil(t, c.tend(captured).Last)
		for i := range 10 {
			group := named(want, fmt.Sprint("g", i))
			c.store(group)
			require.NotNil(t, c.tend(group).Last)
		}
		target := w.cluster(t, 1)
		held := make(chan struct{})
		target.hooks.Rule("db/warm", enginetest.HookRule{Block: held})
		for i := range 10 {
			group := by(t, named(target.want(cycle.Restore, 2), fmt.Sprint("g", i)), quiescing)
			group.Spec, group.Unread = nil, errors.New("there is no Recipe shop/r")
			target.store(group)
			target.worker.Tend(t.Context(), group)
		}
		synctest.Wait()
		assert.Len(t, strings.Fields(target.hooks.Ran()), 10)
		plain := named(target.want(cycle.Restore, 2), "plain")
		target.store(plain)
		assert.NotNil(t, target.tend(plain).Restored)
		close(held)
		synctest.Wait()
	})
}
