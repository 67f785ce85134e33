// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// crowded is a link with as much to tell as there may be: thousands of refused Secrets with the longest names, dropped fields,
// refused reports, and ended wishes.
func crowded(t *testing.T) *Link {
	m, err := NewMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	l, err := New(Options{Cluster: "dr1", Hub: &rest.Config{Host: "http://127.0.0.1:1"}, Spoke: &rest.Config{Host: "http://127.0.0.1:1"}, Holder: "x",
		Clock: clock.RealClock{}, Timing: exchange.DefaultTiming(), Metrics: m})
	require.NoError(t, err)
	unknown := translate.Paths{}
	for i := range 3000 {
		target := fmt.Sprintf("%04d%s/%04d%s", i, strings.Repeat("n", 59), i, strings.Repeat("v", 249))
		l.copier.undelivered.set(target, target+": the object on the cluster belongs to another hub")
		l.copier.withdrawn.set(target, fmt.Sprintf("6d6d1f3e-7e9a-4d9c-9d0b-%012d", i))
		l.reporter.unreported.set(target, target)
		unknown[fmt.Sprintf("status.field%04d%s", i, strings.Repeat("f", 100))] = struct{}{}
	}
	l.reporter.groups.skew.learn(unknown)
	return l
}

func acceptable(lease *translate.Object) error {
	return apivalidation.ValidateAnnotations(lease.GetAnnotations(), field.NewPath("metadata")).ToAggregate()
}

// TestX5_ALeaseIsWritableHoweverMuchItTells: an API server that refused it would end the link.
func TestX5_ALeaseIsWritableHoweverMuchItTells(t *testing.T) {
	l := crowded(t)
	lease := l.heartbeat.lease("digest", State{Phase: Live, Cause: strings.Repeat("c", 1<<20)})
	annotations := lease.GetAnnotations()
	exchange.Refused(annotations, nil, l.reporter.unreported.all())
	lease.SetAnnotations(annotations)
	makeRoom(lease, nil)
	require.NoError(t, acceptable(lease))
	for _, key := range []string{exchange.AnnotationUndelivered, exchange.AnnotationSkew} {
		told := lease.GetAnnotations()[key]
		assert.LessOrEqual(t, len(told), maxListed)
		assert.Regexp(t, `, and \d+ more$`, told)
		assert.Greater(t, len(told), maxListed-1000, "as much as has room")
	}
	assert.NotEmpty(t, lease.GetAnnotations()[exchange.AnnotationUnreported])
	assert.Len(t, strings.Split(lease.GetAnnotations()[exchange.AnnotationWithdrawn], ","), exchange.MaxWithdrawn)
}

// TestX5_ALeaseYieldsToTheAnnotationsOfOthers, of which the API server takes any that have room beside those of the lease then.
func TestX5_ALeaseYieldsToTheAnnotationsOfOthers(t *testing.T) {
	l := crowded(t)
	for _, others := range []int{100, 150, 200, 240, 250, 255} {
		last := &translate.Object{Object: map[string]any{}}
		last.SetAnnotations(map[string]string{"example.com/note": strings.Repeat("x", others<<10), exchange.AnnotationUnreported: strings.Repeat("u", 60<<10)})
		lease := l.heartbeat.lease("digest", State{Phase: Live})
		makeRoom(lease, last)
		is := lease.GetAnnotations()
		assert.Equal(t, "live", is[exchange.AnnotationLink])
		assert.Equal(t, "digest", is[exchange.AnnotationInventory])
		assert.Equal(t, others >= 200, is[exchange.AnnotationUndelivered] == noRoom, "with %d KiB of others", others)
		assert.NotContains(t, is, "example.com/note", "it is theirs")
		is["example.com/note"] = last.GetAnnotations()["example.com/note"] // as an apply leaves it
		lease.SetAnnotations(is)
		assert.NoError(t, acceptable(lease), "with %d KiB of others", others)
	}
}
