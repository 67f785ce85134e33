// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// newInformer is client-go's, but leaves out Pods without claims. A cluster has many more of those than of others; no
// selector tells them apart; and which claims a Pod has never changes.
func newInformer(from cache.ListerWatcher, obj runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	if _, ok := obj.(*corev1.Pod); ok {
		from = withClaims(cache.ToListerWatcherWithContext(from))
	}
	return cache.NewSharedIndexInformer(from, obj, resync, indexers)
}

func withClaims(from cache.ListerWatcherWithContext) cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := from.ListWithContext(ctx, options)
			if pods, ok := list.(*corev1.PodList); ok && err == nil {
				pods.Items = slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return len(volumes.Claims(&p)) == 0 })
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := from.WatchWithContext(ctx, options)
			if err != nil {
				return nil, err
			}
			return watch.Filter(w, func(e watch.Event) (watch.Event, bool) {
				pod, ok := e.Object.(*corev1.Pod)
				news := e.Type == watch.Added || e.Type == watch.Modified || e.Type == watch.Deleted // not a bookmark
				return e, !ok || !news || len(volumes.Claims(pod)) > 0
			}), nil
		},
	}
}
