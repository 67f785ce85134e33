// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// A wish that is deleted takes its finalizer off when its copy is gone, and then nothing on the hub tells that it was there. A
// hub that is restored from an earlier backup shows it again, and would have an application protected again whose protection
// somebody ended. So the cluster remembers which wishes it saw end: in an annotation of its DRClusterConfig, which outlives
// the mirror and is not in the hub's backups.

// endedBefore reports whether the cluster has seen the deletion of a wish.
func (l *Link) endedBefore(wish *translate.Object) bool {
	config := l.spokeConfig.get(l.cluster)
	return wish.GetUID() != "" && config != nil && strings.Contains(config.GetAnnotations()[exchange.AnnotationEnded], string(wish.GetUID()))
}

// remember notes that a wish is deleted, before the cluster obeys that, and does so for all others that are: many that end
// at once take few writes.
func (l *Link) remember(ctx context.Context, wish *translate.Object) error {
	if wish.GetDeletionTimestamp() == nil || l.endedBefore(wish) {
		return nil
	}
	l.remembering.Lock()
	defer l.remembering.Unlock()
	if l.endedBefore(wish) {
		return nil // with another one meanwhile
	}
	if !l.spokeConfig.has(l.cluster) {
		if err := l.obeyConfig(ctx); err != nil {
			return err
		}
	}
	config := l.spokeConfig.get(l.cluster)
	if config == nil {
		log.FromContext(ctx).Info("Not remembering a wish that ended: there is no DRClusterConfig", "wish", wish.GetName())
		return nil // of a DRCluster that is gone: the deletion must not wait for that
	}
	var list []string
	if text := config.GetAnnotations()[exchange.AnnotationEnded]; text != "" {
		list = strings.Split(text, ",")
	}
	list = append(list, string(wish.GetUID()))
	for _, other := range l.outbox.list() {
		if uid := string(other.UID); other.DeletionTimestamp != nil && !slices.Contains(list, uid) {
			list = append(list, uid)
		}
	}
	list = list[max(0, len(list)-exchange.MaxEnded):]
	intent := &translate.Object{Object: map[string]any{"apiVersion": config.GetAPIVersion(), "kind": config.GetKind()}}
	intent.SetName(l.cluster)
	condition(intent, config) // what somebody else has noted since must not be forgotten
	intent.SetAnnotations(map[string]string{exchange.AnnotationEnded: strings.Join(list, ",")})
	log.FromContext(ctx).Info("Remembering wishes that ended", "wish", wish.GetName(), "wishes", len(list))
	stored, err := l.spoke.apply(ctx, configResource, intent, translate.ManagerMemory)
	if err == nil {
		l.spokeConfig.wrote(stored)
	}
	return err
}
