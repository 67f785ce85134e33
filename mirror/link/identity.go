// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// identity is which cluster this one is, and which one the hub takes for it (X13).
type identity struct {
	spoke        peer
	onRecognized func() // told when this cluster has become the recorded one

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
func (i *identity) identify(ctx context.Context) error {
	if _, ok := i.known(); ok {
		return nil
	}
	i.asking.Lock()
	defer i.asking.Unlock()
	if _, ok := i.known(); ok {
		return nil // somebody else asked meanwhile
	}
	i.change(func() { i.doubtful = false }) // an outage while it is asked counts again
	ns, err := i.spoke.get(ctx, namespaceResource, "", metav1.NamespaceSystem)
	if err == nil && ns == nil {
		err = fmt.Errorf("the cluster has no namespace %s", metav1.NamespaceSystem)
	}
	if err != nil {
		i.doubt()
		return err
	}
	if i.change(func() { i.own = string(ns.GetUID()) }) {
		i.onRecognized()
	}
	return nil
}

// learn takes from the DRClusterConfig on the hub which cluster the hub takes for this one. A hub that does not say is one
// that is about to, or about to let the cluster go.
func (i *identity) learn(c change) {
	if c.is == nil {
		return
	}
	if recorded := c.is.unpack().GetAnnotations()[exchange.AnnotationSpokeID]; recorded != "" &&
		i.change(func() { i.recorded = recorded }) {
		i.onRecognized()
	}
}

// mayAct reports whether this cluster is the one that the hub has recorded: only then are wishes and reports meant for it,
// or from it. What is left undone is looked at again when that changes.
func (i *identity) mayAct(ctx context.Context) (bool, error) {
	if err := i.identify(ctx); err != nil {
		return false, err
	}
	_, _, s := i.is()
	return s == recognized, nil
}

// strangerError says why nothing is mirrored.
type strangerError struct{ text string }

func (e *strangerError) Error() string { return e.text }
