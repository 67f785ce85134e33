// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// secretRecheck is how often the copy of a Secret is looked at without cause. The mirror may not watch the Secrets of a
// cluster, so it can't see that one was changed or deleted there.
const secretRecheck = time.Minute

// copier obeys wishes: it makes, changes and deletes their copies.
type copier struct {
	*sides
	queue           *line
	groups, secrets writer
	configuration   *configuration
	delivery        *delivery
	undelivered     notes // Secrets that can't be copied
	withdrawn       notes // UIDs of Secret wishes that are being deleted and have no copy
}

func newCopier(s *sides, queue *line, c *configuration, d *delivery) *copier {
	return &copier{
		sides: s, queue: queue, configuration: c, delivery: d,
		groups:      writer{s.spoke, groupResource, translate.ManagerCopy, &skew{clock: s.clock}},
		secrets:     writer{s.spoke, secretResource, translate.ManagerCopy, &skew{clock: s.clock}},
		undelivered: notes{text: map[string]string{}},
		withdrawn:   notes{text: map[string]string{}},
	}
}

// run obeys until ctx ends.
func (c *copier) run(ctx context.Context) { c.queue.run(ctx, concurrency, logged(c.applyWish)) }

// applyWish does what the hub wishes about one object.
func (c *copier) applyWish(ctx context.Context, it item) error {
	if may, err := c.identity.mayAct(ctx); err != nil || !may {
		return err
	}
	switch it.kind {
	case groups:
		return c.applyCopy(ctx, it.name)
	case secrets:
		return c.applySecret(ctx, it)
	case config:
		return c.configuration.applyConfig(ctx)
	}
	return nil
}

func (c *copier) applyCopy(ctx context.Context, name string) error {
	wish := c.outbox.get(name)
	if wish == nil {
		c.delivery.outcomes.forget(name)
		return nil
	}
	clone := c.copies.get(name)
	pruned := c.groups.skew.known()
	undefined, err := c.undefined(ctx, wish)
	if err != nil {
		return err
	}
	decision := c.decide(wish, clone, pruned, undefined)
	if decision.Doubtful {
		live, err := c.hub.get(ctx, groupResource, wish.GetNamespace(), name)
		if err != nil || live == nil {
			return err // a wish that is gone: the watch will show it
		}
		wish, decision = live, c.decide(live, clone, pruned, undefined)
	}
	if !undefined {
		err = c.configuration.remember(ctx, wish)
	}
	if err == nil {
		err = c.carryOut(ctx, c.groups, item{groups, name}, wish, clone, decision)
	}
	if outdated(err) {
		return err // nothing was found out about the wish
	}
	went := c.outcomeOf(wish, decision, err)
	c.delivery.outcomes.set(name, wish, went)
	if went.Reason == translate.ReasonSchemaSkew {
		c.queue.addLater(item{groups, name}, skewMemory)
	}
	c.delivery.of(item{groups, name})
	return err
}

// decide guards the namespaces of the exchange, for a hub that shares its cluster with a spoke.
func (c *copier) decide(wish, clone *translate.Object, pruned translate.Paths, undefined bool) translate.Decision {
	if target, err := exchange.Target(wish); err == nil && c.exchangeNamespaces.has(target.Namespace) {
		return translate.Decision{Verb: translate.Refuse, Reason: translate.ReasonInvalidWish,
			Message: fmt.Sprintf("namespace %s belongs to the exchange", target.Namespace)}
	}
	own, _, _ := c.identity.is()
	return translate.Decide(wish, clone, translate.Place{Pruned: pruned, Identity: own, Ended: c.configuration.endedBefore(wish), Undefined: undefined})
}

// undefined reports whether a wish that is being deleted is so because the definition of its kind is: with
// it Kubernetes deletes each object, and no hub has said anything. The definition is asked for when the deletion of the wish was
// seen, and was being deleted before the wish was.
func (c *copier) undefined(ctx context.Context, wish *translate.Object) (bool, error) {
	if wish.GetDeletionTimestamp() == nil {
		return false, nil
	}
	definition, err := c.hub.get(ctx, definitionResource, "", groupResource.GroupResource().String())
	return err == nil && (definition == nil || definition.GetDeletionTimestamp() != nil), err
}

// carryOut does what was decided about clone, and nothing if it is no longer what was decided about.
func (c *copier) carryOut(ctx context.Context, w writer, it item, wish, clone *translate.Object, d translate.Decision) error {
	logger := log.FromContext(ctx).WithValues("kind", wish.GetKind(), "wish", wish.GetName(), "wishGeneration", wish.GetGeneration())
	switch d.Verb {
	case translate.Nothing:
		return nil
	case translate.Refuse:
		logger.Info("Refused wish", "reason", d.Reason, "message", d.Message)
		c.metrics.noteRefusal(c.cluster, w.resource, d.Reason)
		return nil
	case translate.Mark:
		logger.Info("Marking copy: its wish is being deleted", "uid", clone.GetUID())
		condition(d.Intent, clone)
		w.manager = translate.ManagerEnd
		stored, err := w.apply(ctx, d.Intent)
		if err = c.wroteCopy(w, it, stored, err); err == nil {
			c.queue.add(it) // its deletion comes next
		}
		return err
	case translate.Delete:
		logger.Info("Deleting copy", "uid", clone.GetUID())
		gone, err := w.peer.remove(ctx, w.resource, clone)
		if err == nil {
			c.noteHop(wayDown, c.queue, it)
		}
		if err == nil && gone && w.resource == groupResource {
			c.copies.deleted(clone)
		}
		return err
	case translate.Create:
	case translate.Update:
		condition(d.Intent, clone)
	case translate.Overwrite:
		logger.Info("Overwriting what others set in the copy")
		stored, err := w.peer.replace(ctx, w.resource, d.Intent, w.manager)
		if err = c.wroteCopy(w, it, stored, err); err == nil {
			c.queue.add(it) // what it lacks of the wish is applied next
		}
		return err
	}
	logger.Info("Applying wish", "create", d.Verb == translate.Create)
	write := func() (*translate.Object, error) { return w.apply(ctx, d.Intent) }
	if d.Verb == translate.Create {
		write = func() (*translate.Object, error) { return w.create(ctx, d.Intent) }
	}
	stored, err := write()
	if missingNamespace(err) {
		logger.Info("Creating namespace", "Namespace", d.Intent.GetNamespace())
		if err = w.peer.createNamespace(ctx, d.Intent.GetNamespace()); err == nil {
			stored, err = write()
		}
	}
	if err == nil && d.Verb == translate.Create && d.Doubtful && w.resource == groupResource {
		c.lookAtSecrets(d.Intent.GetNamespace()) // the one who deleted the copy may have deleted the namespace
	}
	return c.wroteCopy(w, it, stored, err)
}

// lookAtSecrets looks at the copies of Secrets in a namespace of the cluster, where nobody sees that they are gone.
func (c *copier) lookAtSecrets(namespace string) {
	for _, wish := range c.secretWishes.list() {
		if strings.HasPrefix(wish.Name, namespace+".") { // no namespace holds a dot (X2)
			c.queue.add(item{secrets, wish.Name})
		}
	}
}

// wroteCopy notes a copy that was written, if it was.
func (c *copier) wroteCopy(w writer, it item, stored *translate.Object, err error) error {
	if err != nil {
		return err
	}
	c.noteHop(wayDown, c.queue, it)
	if w.resource == groupResource {
		c.copies.wrote(stored)
	}
	return nil
}

func (c *copier) outcomeOf(wish *translate.Object, d translate.Decision, err error) translate.Outcome {
	if err != nil {
		return translate.Outcome{Reason: translate.ReasonApplyFailed, Message: err.Error()}
	}
	if d.Verb == translate.Refuse {
		return translate.Outcome{Reason: d.Reason, Message: d.Message}
	}
	if unknown := c.groups.skew.known().In(wish); len(unknown) > 0 && wish.GetDeletionTimestamp() == nil {
		return translate.Outcome{Reason: translate.ReasonSchemaSkew,
			Message: fmt.Sprintf("the cluster does not know %s and has not stored it; everything else was applied: update the CRDs of the cluster", unknown)}
	}
	return translate.Outcome{}
}

func (c *copier) applySecret(ctx context.Context, it item) error {
	wish := c.secretWishes.get(it.name)
	if wish == nil {
		c.noteUndelivered(it.name, "")
		c.withdrawn.set(it.name, "")
		return nil
	}
	target, err := exchange.Target(wish)
	if err != nil {
		decision := c.decide(wish, nil, nil, false)
		if wish.GetDeletionTimestamp() != nil {
			c.noteWithdrawn(it, wish, nil, decision)
			return nil
		}
		c.noteUndelivered(it.name, decision.Message)
		return c.carryOut(ctx, c.secrets, it, wish, nil, decision)
	}
	clone, err := c.spoke.get(ctx, secretResource, target.Namespace, target.Name)
	if err != nil {
		return err
	}
	decision := c.decide(wish, clone, nil, false)
	if decision.Doubtful {
		live, err := c.hub.get(ctx, secretResource, wish.GetNamespace(), it.name)
		if err != nil || live == nil {
			return err
		}
		wish, decision = live, c.decide(live, clone, nil, false)
	}
	err = c.carryOut(ctx, c.secrets, it, wish, clone, decision)
	switch status := apierrors.ReasonForError(err); {
	case err == nil && wish.GetDeletionTimestamp() != nil:
		c.noteWithdrawn(it, wish, clone, decision)
	case err == nil && decision.Verb != translate.Refuse:
		c.noteUndelivered(it.name, "")
	case err == nil:
		c.noteUndelivered(it.name, fmt.Sprintf("%s: %s", target, decision.Message))
	case status != metav1.StatusReasonUnknown && !outdated(err):
		// Not its own words: they may hold what the Secret holds.
		c.noteUndelivered(it.name, fmt.Sprintf("%s: the cluster does not accept it: %s", target, status))
	}
	if err == nil {
		c.queue.addLater(it, secretRecheck)
	}
	return err
}

// noteUndelivered remembers why a Secret can't be copied, empty if it can, and has the lease tell.
func (c *copier) noteUndelivered(wish, why string) {
	if c.undelivered.set(wish, why) {
		c.noteInventory()
	}
}

// noteWithdrawn notes whether the copy of a Secret wish that is being deleted is gone, and has the lease tell: nobody reports about
// Secrets, and the hub lets go of the wish then. What was not made from this wish counts as gone: it belongs to somebody else, and
// stays.
func (c *copier) noteWithdrawn(it item, wish, clone *translate.Object, d translate.Decision) {
	c.noteUndelivered(it.name, "")
	uid := ""
	switch {
	case d.Verb == translate.Delete:
		c.queue.add(it) // look whether it is gone
	case clone == nil, d.Verb == translate.Refuse, !translate.MadeFrom(wish, clone):
		uid = string(wish.GetUID())
	}
	if c.withdrawn.set(it.name, uid) {
		c.noteInventory()
	}
}

// withdrawnUIDs are those that the lease tells.
func (c *copier) withdrawnUIDs() string {
	all := c.withdrawn.all()
	return strings.Join(all[:min(len(all), exchange.MaxWithdrawn)], ",")
}
