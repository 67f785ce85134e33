// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// configuration carries the DRClusterConfig of the cluster there, and what the cluster says in it back.
type configuration struct {
	*sides
	copies, reports writer
	remembering     sync.Mutex // held while the cluster is told to remember wishes that ended
}

func newConfiguration(s *sides) *configuration {
	return &configuration{
		sides:   s,
		copies:  writer{s.spoke, configResource, translate.ManagerConfig, &skew{clock: s.clock}},
		reports: writer{s.hub, configResource, translate.ManagerConfigReport, &skew{clock: s.clock}},
	}
}

// applyConfig applies on the cluster what the hub wishes it to be.
func (c *configuration) applyConfig(ctx context.Context) error {
	wish := c.hubConfig.get(c.cluster)
	if wish == nil || wish.GetDeletionTimestamp() != nil {
		return nil
	}
	clone := c.spokeConfig.get(c.cluster)
	intent := c.copies.skew.known().Without(translate.ConfigOf(wish))
	if whole := translate.OverwriteConfig(intent, clone); whole != nil {
		log.FromContext(ctx).Info("Overwriting what others set in the configuration", "DRClusterConfig", c.cluster)
		stored, err := c.spoke.replace(ctx, configResource, whole, translate.ManagerConfig)
		if err != nil {
			return err
		}
		c.spokeConfig.wrote(stored)
		clone = stored // what it lacks of the wish is applied next
	}
	if translate.Satisfied(intent, clone, translate.ManagerConfig, "") {
		return nil
	}
	log.FromContext(ctx).Info("Applying configuration", "DRClusterConfig", c.cluster)
	stored, err := c.copies.apply(ctx, intent)
	if err == nil {
		c.spokeConfig.wrote(stored)
	}
	return err
}

// report tells the hub what the cluster says of itself.
func (c *configuration) report(ctx context.Context) error {
	clone, told := c.spokeConfig.get(c.cluster), c.hubConfig.get(c.cluster)
	if clone == nil || told == nil {
		return nil
	}
	status := c.reports.skew.known().Without(translate.ConfigReport(clone))
	if translate.Satisfied(status, told, translate.ManagerConfigReport, "status") {
		return nil
	}
	status.SetUID(told.GetUID()) // not to another one that was made meanwhile
	stored, err := c.reports.apply(ctx, status, "status")
	if err == nil {
		c.hubConfig.wrote(stored)
	}
	return err
}

// A wish that is deleted takes its finalizer off when its copy is gone, and then nothing on the hub tells that it was there. A
// hub that is restored from an earlier backup shows it again, and would have an application protected again whose protection
// somebody ended. So the cluster remembers which wishes it saw end: in an annotation of its DRClusterConfig, which outlives
// the mirror and is not in the hub's backups.

// endedBefore reports whether the cluster has seen the deletion of a wish.
func (c *configuration) endedBefore(wish *translate.Object) bool {
	config := c.spokeConfig.get(c.cluster)
	return wish.GetUID() != "" && config != nil && strings.Contains(config.GetAnnotations()[exchange.AnnotationEnded], string(wish.GetUID()))
}

// remember notes that a wish is deleted, before the cluster obeys that, and does so for all others that are: many that end
// at once take few writes.
func (c *configuration) remember(ctx context.Context, wish *translate.Object) error {
	if wish.GetDeletionTimestamp() == nil || c.endedBefore(wish) {
		return nil
	}
	c.remembering.Lock()
	defer c.remembering.Unlock()
	if c.endedBefore(wish) {
		return nil // with another one meanwhile
	}
	if !c.spokeConfig.has(c.cluster) {
		if err := c.applyConfig(ctx); err != nil {
			return err
		}
	}
	config := c.spokeConfig.get(c.cluster)
	if config == nil {
		log.FromContext(ctx).Info("Not remembering a wish that ended: there is no DRClusterConfig", "wish", wish.GetName())
		return nil // of a DRCluster that is gone: the deletion must not wait for that
	}
	var list []string
	if text := config.GetAnnotations()[exchange.AnnotationEnded]; text != "" {
		list = strings.Split(text, ",")
	}
	list = append(list, string(wish.GetUID()))
	for _, other := range c.outbox.list() {
		if uid := string(other.UID); other.DeletionTimestamp != nil && !slices.Contains(list, uid) {
			list = append(list, uid)
		}
	}
	list = list[max(0, len(list)-exchange.MaxEnded):]
	intent := &translate.Object{Object: map[string]any{"apiVersion": config.GetAPIVersion(), "kind": config.GetKind()}}
	intent.SetName(c.cluster)
	condition(intent, config) // what somebody else has noted since must not be forgotten
	intent.SetAnnotations(map[string]string{exchange.AnnotationEnded: strings.Join(list, ",")})
	log.FromContext(ctx).Info("Remembering wishes that ended", "wish", wish.GetName(), "wishes", len(list))
	stored, err := c.spoke.apply(ctx, configResource, intent, translate.ManagerMemory)
	if err == nil {
		c.spokeConfig.wrote(stored)
	}
	return err
}
