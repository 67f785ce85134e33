// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// vacancies watches the Pods of those namespaces that are to be changed when they have none. It keeps nothing of any Pod: of a
// namespace it watches a single one, whichever an API server names first, and looks for another one when that is gone.
type vacancies struct {
	pods  client.WithWatch
	clock clock.Clock
	found chan event.GenericEvent // the object is the group
	asked chan request
	ended chan place
}

// place is a namespace that a group waits for.
type place struct {
	group     types.NamespacedName
	namespace string
}

// request is all that a group waits for.
type request struct {
	group      types.NamespacedName
	namespaces []string
}

// pause is how long a namespace that could not be looked at is left alone.
const pause = 10 * time.Second

func newVacancies(pods client.WithWatch) *vacancies {
	return &vacancies{pods: pods, clock: clock.RealClock{}, found: make(chan event.GenericEvent), asked: make(chan request), ended: make(chan place)}
}

// Await implements Awaiter.
func (v *vacancies) Await(ctx context.Context, group types.NamespacedName, namespaces []string) {
	select {
	case v.asked <- request{group, namespaces}:
	case <-ctx.Done():
	}
}

// Start implements manager.Runnable.
func (v *vacancies) Start(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	stops := map[place]context.CancelFunc{}
	for {
		select {
		case <-ctx.Done():
			for _, stop := range stops {
				stop()
			}
			return nil
		case at := <-v.ended:
			if stop := stops[at]; stop != nil {
				stop()
				delete(stops, at)
			}
		case r := <-v.asked:
			for at, stop := range stops {
				if at.group == r.group && !slices.Contains(r.namespaces, at.namespace) {
					stop()
					delete(stops, at)
				}
			}
			for _, ns := range r.namespaces {
				at := place{r.group, ns}
				if stops[at] != nil {
					continue
				}
				watching, stop := context.WithCancel(ctx)
				stops[at] = stop
				running.Go(func() {
					if v.follow(watching, at) {
						v.tell(ctx, at)
					}
				})
			}
		}
	}
}

// follow returns when a namespace has no Pods; false: nobody waits for that any more.
func (v *vacancies) follow(ctx context.Context, at place) bool {
	for ctx.Err() == nil {
		empty, err := v.look(ctx, at.namespace)
		switch {
		case empty:
			return true
		case err != nil && ctx.Err() == nil:
			log.FromContext(ctx).Error(err, "Watching the Pods of a namespace failed", "Namespace", at.namespace)
			v.rest(ctx)
		}
	}
	return false
}

// rest waits for a pause, or until ctx ends.
func (v *vacancies) rest(ctx context.Context) {
	select {
	case <-v.clock.After(pause):
	case <-ctx.Done():
	}
}

// tell ends the wait of a group before it wakes it, since the group may wait again at once.
func (v *vacancies) tell(ctx context.Context, at place) {
	select {
	case v.ended <- at:
	case <-ctx.Done():
		return
	}
	group := &v1alpha1.VolumeReplicationGroup{}
	group.Namespace, group.Name = at.group.Namespace, at.group.Name
	select {
	case v.found <- event.GenericEvent{Object: group}:
	case <-ctx.Done():
	}
}

// look reports whether a namespace has no Pods. If it has, it returns when one of them is gone, or the API server ends the watch.
func (v *vacancies) look(ctx context.Context, namespace string) (empty bool, err error) {
	list := metadata()
	if err := v.pods.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return false, fmt.Errorf("list Pods of Namespace %s: %w", namespace, err)
	}
	if len(list.Items) == 0 {
		return true, nil
	}
	events, err := v.pods.Watch(ctx, metadata(), client.InNamespace(namespace), client.MatchingFields{"metadata.name": list.Items[0].Name},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return false, fmt.Errorf("watch Pod %s/%s: %w", namespace, list.Items[0].Name, err)
	}
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case e, more := <-events.ResultChan():
			switch {
			case e.Type == watch.Deleted:
				return false, nil
			case !more:
				v.rest(ctx) // an API server that ends watches at once is not asked without end
				return false, nil
			case e.Type == watch.Error:
				return false, fmt.Errorf("watch Pod %s/%s: %w", namespace, list.Items[0].Name, apierrors.FromObject(e.Object))
			}
		}
	}
}

func metadata() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	return list
}
