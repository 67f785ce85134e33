// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// identity is which cluster this one is, and which one the hub takes for it (X13).
type identity struct {
	asking sync.Mutex // held while the cluster is asked

	mu       sync.Mutex
	own      string // UID of the namespace kube-system; empty: never asked
	doubtful bool   // the API server was away since it was asked: another one may have come back
	recorded string // what the hub told last; empty: nothing yet
}

// standing is how this cluster stands with the hub.
type standing uint8

const (
	unrecorded standing = iota // the hub has not recorded a cluster under this name
	recognized                 // it is the recorded one
	estranged                  // another one is
)

func (i *identity) is() (own, recorded string, s standing) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.own, i.recorded, i.standing()
}

func (i *identity) standing() standing {
	switch {
	case i.recorded == "", i.own == "":
		return unrecorded
	case i.own == i.recorded:
		return recognized
	default:
		return estranged
	}
}

// change changes what is known, and reports whether the cluster is recognized since.
func (i *identity) change(by func()) (since bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	was := i.standing()
	by()
	return was != recognized && i.standing() == recognized
}

// doubt has the cluster asked again who it is before anything is done there.
func (i *identity) doubt() {
	i.change(func() { i.doubtful = true })
}

// known is the identity of the cluster, if it need not be asked.
func (i *identity) known() (own string, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.own, i.own != "" && !i.doubtful
}

// identify makes sure that it is known which cluster this one is.
func (l *Link) identify(ctx context.Context) error {
	if _, ok := l.identity.known(); ok {
		return nil
	}
	l.identity.asking.Lock()
	defer l.identity.asking.Unlock()
	if _, ok := l.identity.known(); ok {
		return nil // somebody else asked meanwhile
	}
	l.identity.change(func() { l.identity.doubtful = false }) // an outage while it is asked counts again
	ns, err := l.spoke.get(ctx, namespaceResource, "", metav1.NamespaceSystem)
	if err == nil && ns == nil {
		err = fmt.Errorf("the cluster has no namespace %s", metav1.NamespaceSystem)
	}
	if err != nil {
		l.identity.doubt()
		return err
	}
	if l.identity.change(func() { l.identity.own = string(ns.GetUID()) }) {
		l.lookAtAll()
	}
	return nil
}

// learn takes from the DRClusterConfig on the hub which cluster the hub takes for this one. A hub that does not say is one
// that is about to, or about to let the cluster go.
func (l *Link) learn(c change) {
	if c.is == nil {
		return
	}
	if recorded := c.is.unpack().GetAnnotations()[exchange.AnnotationSpokeID]; recorded != "" &&
		l.identity.change(func() { l.identity.recorded = recorded }) {
		l.lookAtAll()
	}
}

// mayAct reports whether this cluster is the one that the hub has recorded: only then are wishes and reports meant for it,
// or from it. What is left undone is looked at again when that changes.
func (l *Link) mayAct(ctx context.Context) (bool, error) {
	if err := l.identify(ctx); err != nil {
		return false, err
	}
	_, _, s := l.identity.is()
	return s == recognized, nil
}

// lookAtAll looks at everything on both sides, and has the lease tell.
func (l *Link) lookAtAll() {
	for _, wish := range l.outbox.list() {
		l.down.add(item{groups, wish.Name})
	}
	for _, wish := range l.secretWishes.list() {
		l.down.add(item{secrets, wish.Name})
	}
	for _, clone := range l.copies.list() {
		l.up.add(item{groups, exchange.ObjectName(clone.Namespace, clone.Name)})
	}
	for _, report := range l.inbox.list() {
		l.up.add(item{groups, report.Name})
	}
	l.wakeConfig(change{})
	l.noteInventory()
}

func (l *Link) wakeConfig(change) {
	l.down.add(item{kind: config})
	l.up.add(item{kind: config})
}

// strangerError says why nothing is mirrored.
type strangerError struct{ text string }

func (e *strangerError) Error() string { return e.text }

// askHub makes sure that the hub takes this cluster for the one that it is. While it takes another one for it, it is told in
// a Lease of its own that this one is here: the lease of the link belongs to the other one.
func (l *Link) askHub(ctx context.Context) error {
	recognition := task{hubSide, "apply or report anything"}
	l.troubles.begin(recognition)
	own, recorded, s := l.identity.is()
	var err error
	switch s {
	case recognized:
	case unrecorded:
		err = &strangerError{fmt.Sprintf("the DRCluster %s has not recorded the identity of this cluster, %s, yet", l.cluster, own)}
	case estranged:
		err = &strangerError{fmt.Sprintf("the DRCluster %s belongs to another cluster, %s, and this one is %s. If this one replaces it, annotate the DRCluster on the hub with %s=%s; "+
			"if it does not, delete the Secret with the credentials of %s here", l.cluster, recorded, own, v1alpha1.AnnotationAcceptCluster, own, l.cluster)}
		l.appear(ctx, own)
	}
	l.troubles.end(ctx, recognition, err)
	return err
}

// appear renews the Lease by which users learn that this cluster uses a name that another one has.
func (l *Link) appear(ctx context.Context, own string) {
	within, cancel := context.WithTimeout(ctx, l.timing.Renew)
	defer cancel()
	lease := l.lease("", l.State())
	lease.SetName(exchange.StrangerLeaseName)
	lease.SetAnnotations(map[string]string{exchange.AnnotationSpokeID: own})
	lease.Object["spec"] = l.renewal(l.clock.Now())
	written := task{hubSide, "write the lease of a stranger"}
	l.troubles.begin(written)
	_, err := l.hub.apply(within, leaseResource, lease, translate.ManagerLease)
	l.troubles.end(within, written, err)
}

// renewal is the spec of a lease that is renewed at now.
func (l *Link) renewal(now time.Time) map[string]any {
	return map[string]any{"holderIdentity": l.holder, "leaseDurationSeconds": int64(l.timing.Seconds()), "renewTime": now.UTC().Format(metav1.RFC3339Micro)}
}
