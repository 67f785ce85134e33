// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestStatesOfALink(t *testing.T) {
	for want, p := range map[string]progress{
		"connecting": {},
		"connecting: hub: cannot list secrets: it can't be reached": {cause: "hub: cannot list secrets: it can't be reached"},
		"listing":                         {answered: true},
		"live":                            {answered: true, renewed: noon.Add(-14 * time.Second)},
		"live: hub: slow":                 {answered: true, renewed: noon, cause: "hub: slow"},
		"lost since 2026-01-01T11:59:45Z": {answered: true, renewed: noon.Add(-15 * time.Second)},
		"lost since 2026-01-01T11:00:00Z: cluster: gone": {answered: true, renewed: noon.Add(-time.Hour), cause: "cluster: gone"},
	} {
		p.lasts = 15 * time.Second
		assert.Equal(t, want, stateOf(p, noon).String())
	}
}

func TestTheCauseIsTheOldestTroubleOfTheHubFirst(t *testing.T) {
	clock := testingclock.NewFakeClock(noon)
	ts := &troubles{clock: clock, patience: 5 * time.Second, open: map[task]trouble{}}
	reads, writes, news := task{hubSide, "list wishes"}, task{hubSide, "write reports"}, task{spokeSide, "ask for news"}
	worst := func(of ...side) string { return ts.worst(clock.Now(), of...) }

	ts.begin(news)
	assert.Empty(t, worst(), "an answer may take a moment")
	clock.Step(5 * time.Second)
	assert.Equal(t, "cluster: cannot ask for news: it does not answer", worst())
	ts.end(t.Context(), writes, syscall.ECONNREFUSED)
	clock.Step(time.Second)
	ts.end(t.Context(), reads, apierrors.NewUnauthorized("no"))
	assert.Equal(t, "hub: cannot write reports: it can't be reached", worst())
	assert.Equal(t, "cluster: cannot ask for news: it does not answer", worst(spokeSide))
	assert.False(t, ts.answered(hubSide))
	ts.end(t.Context(), writes, nil)
	assert.True(t, ts.answered(hubSide))
	assert.Contains(t, worst(), "hub: cannot list wishes: it refuses the credentials")
	ts.begin(reads)
	assert.Contains(t, worst(), "credentials", "a trouble is over when it works, not when it is tried again")

	ended, end := context.WithCancel(t.Context())
	end()
	ts.end(ended, reads, context.Canceled)
	ts.end(t.Context(), news, nil)
	assert.Empty(t, worst(), "that a link was stopped is no trouble")
}

// TestATroubleThatFadesIsOverOnce: what has worked for some time is no trouble when it is begun again.
func TestATroubleThatFadesIsOverOnce(t *testing.T) {
	clock := testingclock.NewFakeClock(noon)
	ts := &troubles{clock: clock, patience: time.Second, open: map[task]trouble{}}
	follow := task{spokeSide, "watch groups"}
	worst := func() string { return ts.worst(clock.Now()) }
	ts.end(t.Context(), follow, &unsteadyError{since: noon})
	const broken = "cluster: cannot watch groups: it breaks each watch off since 2026-01-01T12:00:00Z, though it can be listed; " +
		"the mirror tries again every few seconds, and the link continues automatically when a watch lasts"
	assert.Equal(t, broken, worst())
	ts.begin(follow)
	ts.fade(follow, 5*time.Second)
	clock.Step(4 * time.Second)
	assert.Equal(t, broken, worst())
	clock.Step(time.Second)
	assert.Empty(t, worst())
	for range 2 {
		ts.begin(follow)
		ts.fade(follow, 5*time.Second)
		clock.Step(2 * time.Second)
		assert.Empty(t, worst(), "it works still")
	}
	ts.end(t.Context(), follow, &unsteadyError{since: noon})
	assert.Equal(t, broken, worst())
	ts.end(t.Context(), task{spokeSide, "watch others"}, apierrors.NewUnauthorized("no"))
	assert.Contains(t, worst(), "cannot watch others", "the one that names its cause comes first")
}

func TestCausesAreToldWithoutWhatDiffersEachTime(t *testing.T) {
	resource := groupResource.GroupResource()
	terminating := apierrors.NewForbidden(resource, "a", errors.New("no"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for want, err := range map[string]error{
		causeTerminating:          terminating,
		causeCredentials:          apierrors.NewUnauthorized("x"),
		causeForbidden:            apierrors.NewForbidden(resource, "a", errors.New("no")),
		causeUntrusted:            &url.Error{Op: "Get", URL: "https://127.0.0.1:1", Err: x509.UnknownAuthorityError{}},
		causeSilent:               fmt.Errorf("list: %w", context.DeadlineExceeded),
		causeUnreachable:          &url.Error{Op: "Get", URL: "https://127.0.0.1:1", Err: syscall.ECONNREFUSED},
		causeUnknownKind:          apierrors.NewNotFound(resource, ""),
		causeNamespace:            apierrors.NewNotFound(namespaceResource.GroupResource(), "inbox-dr1"),
		"it says TooManyRequests": apierrors.NewTooManyRequests("x", 1),
	} {
		assert.Equal(t, want, causeOf(err), err.Error())
	}
}

// TestAClusterThatIsBeingDisconnectedIsNotToldThatARightIsMissing: nobody has to give it back.
func TestAClusterThatIsBeingDisconnectedIsNotToldThatARightIsMissing(t *testing.T) {
	forbidden := apierrors.NewForbidden(leaseResource.GroupResource(), "mirror", errors.New("no"))
	terminating := forbidden.ErrStatus.DeepCopy()
	terminating.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	const disconnected = "hub: cannot write the lease: the hub revoked the permission: the DRCluster is being deleted"
	for name, tc := range map[string]struct {
		side    side
		err     error
		dropped bool
		want    string
	}{
		"its inbox is being deleted":                 {hubSide, &apierrors.StatusError{ErrStatus: *terminating}, false, disconnected},
		"its DRClusterConfig is gone":                {hubSide, forbidden, true, disconnected},
		"the hub knows it":                           {hubSide, forbidden, false, "hub: cannot write the lease: the permission to do so is missing"},
		"it is the cluster that refuses":             {spokeSide, forbidden, true, "cluster: cannot write the lease: the permission to do so is missing"},
		"it is an application that leaves a cluster": {spokeSide, &apierrors.StatusError{ErrStatus: *terminating}, true, "cluster: cannot write the lease: the namespace is being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			clock := testingclock.NewFakeClock(noon)
			ts := &troubles{clock: clock, patience: 5 * time.Second, open: map[task]trouble{}, dropped: func() bool { return tc.dropped }}
			ts.end(t.Context(), task{tc.side, "write the lease"}, tc.err)
			assert.Equal(t, tc.want, ts.worst(clock.Now()))
		})
	}
}
