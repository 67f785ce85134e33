// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/store"
)

// abandonedStores are the S3 profiles that a hub says the user gave up.
func abandonedStores(ctx context.Context, reader client.Reader) ([]string, error) {
	list := &v1alpha1.DRClusterConfigList{}
	if err := reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // nothing is changed
		return nil, fmt.Errorf("list DRClusterConfigs: %w", err)
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Spec.AbandonedStores...)
	}
	return out, nil
}

// abandoning lets pass what changes which stores are given up.
func abandoning() predicate.Predicate {
	of := func(o client.Object) []string {
		if config, ok := o.(*v1alpha1.DRClusterConfig); ok {
			return config.Spec.AbandonedStores
		}
		return nil
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(of(e.Object)) > 0 },
		DeleteFunc: func(e event.DeleteEvent) bool { return len(of(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool { return !slices.Equal(of(e.ObjectOld), of(e.ObjectNew)) },
	}
}

// named are the stores of the group. Ramen's name for "no store" is none.
func (f *facts) named() []string {
	return slices.DeleteFunc(slices.Clone(f.vrg.Spec.S3Profiles), func(p string) bool { return p == "NoS3" })
}

// profiles are the stores of the group that are asked: those that nobody gave up.
func (f *facts) profiles() []string {
	return slices.DeleteFunc(f.named(), func(p string) bool { return slices.Contains(f.abandoned, p) })
}

// without are the stores of the group that the user gave up.
func (f *facts) without() []string {
	return slices.DeleteFunc(f.named(), func(p string) bool { return !slices.Contains(f.abandoned, p) })
}

// forlorn says that every store of the group was given up. What was stored can't be known any more.
func (f *facts) forlorn() bool { return len(f.profiles()) == 0 && len(f.without()) > 0 }

// givenUp names the stores that were given up, after what is said of the others; empty if there are none.
func (f *facts) givenUp() string {
	if gone := f.without(); len(gone) > 0 {
		return "; given up, and not used: " + bounded.List(gone, ", ")
	}
	return ""
}

// messageForlorn says what helps a group whose stores were all given up.
func (f *facts) messageForlorn() string {
	return fmt.Sprintf("all object stores of this group were given up: %s. On the hub, name an S3 profile of another store in s3ProfileName of a DRCluster", bounded.List(f.without(), ", "))
}

// lostStores tells how to give up the stores that seem to be lost; empty if none does.
func lostStores(problems archive.Problems) string {
	var lost []string
	for name, err := range problems {
		if err != nil && store.Lost(err) {
			lost = append(lost, name)
		}
	}
	if lost == nil {
		return ""
	}
	slices.Sort(lost)
	return fmt.Sprintf(". If a store is lost for good, give it up on the hub: kubectl annotate --overwrite drcluster <its cluster> %s=%s",
		v1alpha1.AnnotationAbandonStore, strings.Join(lost, ","))
}
