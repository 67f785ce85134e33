// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

const (
	// renewAtMost is the least time from one renewal to the next, however often the inventory changes.
	renewAtMost = 250 * time.Millisecond
	// renewRetry is when a renewal that failed is tried again.
	renewRetry = time.Second
)

// beat renews the lease until ctx ends: every RenewEvery, and at once when the inventory of the spoke changed, since the
// hub learns only from the lease that something is absent (X4).
func (l *Link) beat(ctx context.Context) {
	for {
		pause := exchange.RenewEvery
		if err := l.renew(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			log.FromContext(ctx).Error(err, "Cannot renew lease")
			pause = renewRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-l.clock.After(renewAtMost):
		}
		select {
		case <-ctx.Done():
			return
		case <-l.clock.After(pause - renewAtMost):
		case <-l.inventoryChanged:
		}
	}
}

// renew renews the lease once all that is known of the spoke now is written (X5).
func (l *Link) renew(ctx context.Context) error {
	spokeID, err := l.identifySpoke(ctx)
	if err != nil {
		return err
	}
	select {
	case <-l.inventoryChanged: // covered by what follows
	default:
	}
	digest := exchange.Digest(l.inventory())
	if err := l.up.drain(ctx); err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	now := l.clock.Now()
	if _, err := l.hub.apply(ctx, leaseResource, l.lease(digest, spokeID, now), translate.ManagerLease); err != nil {
		return err
	}
	l.renewed.Store(now.UnixNano())
	return nil
}

// identifySpoke reads the UID of the spoke's namespace kube-system, once.
func (l *Link) identifySpoke(ctx context.Context) (string, error) {
	if l.spokeID == "" {
		ns, err := l.spoke.get(ctx, namespaceResource, "", metav1.NamespaceSystem)
		if err != nil {
			return "", err
		}
		if ns == nil {
			return "", fmt.Errorf("the cluster has no namespace %s", metav1.NamespaceSystem)
		}
		l.spokeID = string(ns.GetUID())
	}
	return l.spokeID, nil
}

func (l *Link) lease(digest, spokeID string, now time.Time) *translate.Object {
	lease := &translate.Object{Object: map[string]any{
		"spec": map[string]any{
			"holderIdentity":       l.holder,
			"leaseDurationSeconds": int64(exchange.LiveFor / time.Second),
			"renewTime":            now.UTC().Format(metav1.RFC3339Micro),
		},
	}}
	lease.SetAPIVersion(leaseResource.GroupVersion().String())
	lease.SetKind("Lease")
	lease.SetNamespace(exchange.Inbox(l.cluster))
	lease.SetName(exchange.LeaseName)
	annotations := map[string]string{
		exchange.AnnotationInventory: digest,
		exchange.AnnotationSpokeID:   spokeID,
	}
	unknown := translate.Paths{}
	maps.Copy(unknown, l.reportWriter.skew.known())
	maps.Copy(unknown, l.configReportWriter.skew.known())
	if len(unknown) > 0 {
		annotations[exchange.AnnotationSkew] = unknown.String()
	}
	if names := l.unreported.String(); names != "" {
		annotations[exchange.AnnotationUnreported] = names
	}
	lease.SetAnnotations(annotations)
	return lease
}

// unreported is the set of objects that the hub does not accept a report about.
type unreported struct {
	mu    sync.Mutex
	names map[string]string // by the name of the report: <namespace>/<name> on the spoke
}

// set says whether report can't be written, and about which object it is. It reports whether that is new.
func (u *unreported) set(report, object string, refused bool) (changed bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, was := u.names[report]
	if refused {
		u.names[report] = object
	} else {
		delete(u.names, report)
	}
	return was != refused
}

// String lists the objects, sorted.
func (u *unreported) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Values(u.names)), ", ")
}
