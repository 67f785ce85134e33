// SPDX-License-Identifier: Apache-2.0

package objects_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

func TestARequestOutlivesTheCallThatAskedForItAndEndsWhenItIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r objects.Runner
		q := objects.CaptureRequest{Group: capsule.Group{Namespace: "a", Name: "b"}, ID: "1", Step: "s"}
		runs := 0
		work := func(ctx context.Context, update objects.Update) error {
			runs++
			update(func(p *objects.Progress) { p.Objects = runs })
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.Capture(ctx, q, work)
		cancel()
		synctest.Wait()
		p := r.Capture(t.Context(), q, work)
		assert.Equal(t, objects.Running, p.State)
		assert.Equal(t, 1, p.Objects)

		r.Forget(capsule.Group{Namespace: "a", Name: "other"}, "1")
		r.Forget(q.Group, "2")
		synctest.Wait()
		assert.Equal(t, objects.Running, r.Capture(t.Context(), q, work).State, "others stay")

		r.Restore(t.Context(), objects.RestoreRequest{Group: q.Group, ID: "1", Step: "s"}, work)
		synctest.Wait()
		assert.Equal(t, 2, runs, "a restore is another request")
		r.Forget(q.Group, "1")
		synctest.Wait()
		r.Capture(t.Context(), q, work)
		synctest.Wait()
		assert.Equal(t, 3, runs)
		r.Forget(q.Group, "1")
	})
}

func TestWhoWaitsIsToldOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r objects.Runner
		told := 0
		q := objects.CaptureRequest{ID: "1", Ended: func() { told++ }}
		release := make(chan struct{})
		work := func(ctx context.Context, _ objects.Update) error {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return ctx.Err()
		}
		r.Capture(t.Context(), q, work)
		synctest.Wait()
		assert.Zero(t, told)
		close(release)
		synctest.Wait()
		assert.Equal(t, objects.Done, r.Capture(t.Context(), q, work).State)
		synctest.Wait()
		assert.Equal(t, 1, told, "once")

		release = make(chan struct{})
		q.ID = "2"
		r.Capture(t.Context(), q, work)
		r.Forget(q.Group, "2")
		synctest.Wait()
		assert.Equal(t, 2, told, "a request that is forgotten ends, too")
	})
}

func TestManyFindingsAreCountedAndSomeListed(t *testing.T) {
	var f objects.Findings
	for i := range 200 {
		f.Add(objects.Kept, fmt.Sprint(i), "")
		f.Add(objects.NotMade, fmt.Sprint(i), "refused")
	}
	assert.Len(t, f.Of(objects.Kept), objects.MaxFindings)
	assert.Len(t, f.Of(objects.NotMade), objects.MaxFindings, "many of one reason hide none of another")
	assert.Equal(t, 200, f.Count[objects.Kept])
	assert.Equal(t, 200, f.Missing(), "what is kept is nothing that is missing")
	assert.Equal(t, "0", f.List[0].String())
	assert.Equal(t, "0: refused", f.List[1].String())
}
