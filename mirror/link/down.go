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

// obey does what the hub wishes about one object.
func (l *Link) obey(ctx context.Context, it item) error {
	if may, err := l.mayAct(ctx); err != nil || !may {
		return err
	}
	switch it.kind {
	case groups:
		return l.obeyGroup(ctx, it.name)
	case secrets:
		return l.obeySecret(ctx, it)
	case config:
		return l.obeyConfig(ctx)
	}
	return nil
}

func (l *Link) obeyGroup(ctx context.Context, name string) error {
	wish := l.outbox.get(name)
	if wish == nil {
		l.outcomes.forget(name)
		return nil
	}
	clone := l.copies.get(name)
	pruned := l.copyWriter.skew.known()
	decision := l.decide(wish, clone, pruned)
	if decision.Doubtful {
		live, err := l.hub.get(ctx, groupResource, wish.GetNamespace(), name)
		if err != nil || live == nil {
			return err // a wish that is gone: the watch will show it
		}
		wish, decision = live, l.decide(live, clone, pruned)
	}
	err := l.remember(ctx, wish)
	if err == nil {
		err = l.carryOut(ctx, l.copyWriter, item{groups, name}, wish, clone, decision)
	}
	if outdated(err) {
		return err // nothing was found out about the wish
	}
	went := l.outcomeOf(wish, decision, err)
	l.outcomes.set(name, wish, went)
	if went.Reason == translate.ReasonSchemaSkew {
		l.down.addLater(item{groups, name}, skewMemory)
	}
	l.deliveries.addLater(item{groups, name}, deliveryDelay)
	return err
}

// decide guards the namespaces of the exchange, for a hub that shares its cluster with a spoke.
func (l *Link) decide(wish, clone *translate.Object, pruned translate.Paths) translate.Decision {
	if target, err := exchange.Target(wish); err == nil && l.exchangeNamespaces.has(target.Namespace) {
		return translate.Decision{Verb: translate.Refuse, Reason: translate.ReasonInvalidWish,
			Message: fmt.Sprintf("namespace %s belongs to the exchange", target.Namespace)}
	}
	own, _, _ := l.identity.is()
	return translate.Decide(wish, clone, translate.Place{Pruned: pruned, Identity: own, Ended: l.endedBefore(wish)})
}

// carryOut does what was decided about clone, and nothing if it is no longer what was decided about.
func (l *Link) carryOut(ctx context.Context, w writer, it item, wish, clone *translate.Object, d translate.Decision) error {
	logger := log.FromContext(ctx).WithValues("kind", wish.GetKind(), "wish", wish.GetName(), "wishGeneration", wish.GetGeneration())
	switch d.Verb {
	case translate.Nothing:
		return nil
	case translate.Refuse:
		logger.Info("Refused wish", "reason", d.Reason, "message", d.Message)
		l.metrics.noteRefusal(l.cluster, w.resource, d.Reason)
		return nil
	case translate.Mark:
		logger.Info("Marking copy: its wish is being deleted", "uid", clone.GetUID())
		condition(d.Intent, clone)
		w.manager = translate.ManagerEnd
		stored, err := w.apply(ctx, d.Intent)
		if err = l.wroteCopy(w, it, stored, err); err == nil {
			l.down.add(it) // its deletion comes next
		}
		return err
	case translate.Delete:
		logger.Info("Deleting copy", "uid", clone.GetUID())
		gone, err := w.peer.remove(ctx, w.resource, clone)
		if err == nil {
			l.noteHop(wayDown, l.down, it)
		}
		if err == nil && gone && w.resource == groupResource {
			l.copies.deleted(clone)
		}
		return err
	case translate.Create:
		if w.resource == groupResource {
			d.Intent.SetResourceVersion("0") // there must be none: our cache may be behind
		}
	case translate.Update:
		condition(d.Intent, clone)
	case translate.Overwrite:
		logger.Info("Overwriting what others set in the copy")
		stored, err := w.peer.replace(ctx, w.resource, d.Intent, w.manager)
		if err = l.wroteCopy(w, it, stored, err); err == nil {
			l.down.add(it) // what it lacks of the wish is applied next
		}
		return err
	}
	logger.Info("Applying wish", "create", d.Verb == translate.Create)
	stored, err := w.apply(ctx, d.Intent)
	if missingNamespace(err) {
		logger.Info("Creating namespace", "Namespace", d.Intent.GetNamespace())
		if err = w.peer.createNamespace(ctx, d.Intent.GetNamespace()); err == nil {
			stored, err = w.apply(ctx, d.Intent)
		}
	}
	if err == nil && d.Verb == translate.Create && d.Doubtful && w.resource == groupResource {
		l.lookAtSecrets(d.Intent.GetNamespace()) // the one who deleted the copy may have deleted the namespace
	}
	return l.wroteCopy(w, it, stored, err)
}

// lookAtSecrets looks at the copies of Secrets in a namespace of the cluster, where nobody sees that they are gone.
func (l *Link) lookAtSecrets(namespace string) {
	for _, wish := range l.secretWishes.list() {
		if strings.HasPrefix(wish.Name, namespace+".") { // no namespace holds a dot (X2)
			l.down.add(item{secrets, wish.Name})
		}
	}
}

// wroteCopy notes a copy that was written, if it was.
func (l *Link) wroteCopy(w writer, it item, stored *translate.Object, err error) error {
	if err != nil {
		return err
	}
	l.noteHop(wayDown, l.down, it)
	if w.resource == groupResource {
		l.copies.wrote(stored)
	}
	return nil
}

func (l *Link) outcomeOf(wish *translate.Object, d translate.Decision, err error) translate.Outcome {
	if err != nil {
		return translate.Outcome{Reason: translate.ReasonApplyFailed, Message: err.Error()}
	}
	if d.Verb == translate.Refuse {
		return translate.Outcome{Reason: d.Reason, Message: d.Message}
	}
	if unknown := l.copyWriter.skew.known().In(wish); len(unknown) > 0 && wish.GetDeletionTimestamp() == nil {
		return translate.Outcome{Reason: translate.ReasonSchemaSkew,
			Message: fmt.Sprintf("the cluster does not know %s and has not stored it; everything else was applied: update the CRDs of the cluster", unknown)}
	}
	return translate.Outcome{}
}

func (l *Link) obeySecret(ctx context.Context, it item) error {
	wish := l.secretWishes.get(it.name)
	if wish == nil {
		l.noteUndelivered(it.name, "")
		return nil
	}
	target, err := exchange.Target(wish)
	if err != nil {
		decision := l.decide(wish, nil, nil)
		l.noteUndelivered(it.name, decision.Message)
		return l.carryOut(ctx, l.secretWriter, it, wish, nil, decision)
	}
	clone, err := l.spoke.get(ctx, secretResource, target.Namespace, target.Name)
	if err != nil {
		return err
	}
	decision := l.decide(wish, clone, nil)
	if decision.Doubtful {
		live, err := l.hub.get(ctx, secretResource, wish.GetNamespace(), it.name)
		if err != nil || live == nil {
			return err
		}
		wish, decision = live, l.decide(live, clone, nil)
	}
	err = l.carryOut(ctx, l.secretWriter, it, wish, clone, decision)
	switch status := apierrors.ReasonForError(err); {
	case err == nil && decision.Verb != translate.Refuse:
		l.noteUndelivered(it.name, "")
	case err == nil:
		l.noteUndelivered(it.name, fmt.Sprintf("%s: %s", target, decision.Message))
	case status != metav1.StatusReasonUnknown && !outdated(err):
		// Not its own words: they may hold what the Secret holds.
		l.noteUndelivered(it.name, fmt.Sprintf("%s: the cluster does not accept it: %s", target, status))
	}
	if err == nil {
		l.down.addLater(it, secretRecheck)
	}
	return err
}

// noteUndelivered remembers why a Secret can't be copied, empty if it can, and has the lease tell.
func (l *Link) noteUndelivered(wish, why string) {
	if l.undelivered.set(wish, why) {
		l.noteInventory()
	}
}

func (l *Link) obeyConfig(ctx context.Context) error {
	wish := l.hubConfig.get(l.cluster)
	if wish == nil || wish.GetDeletionTimestamp() != nil {
		return nil
	}
	clone := l.spokeConfig.get(l.cluster)
	intent := l.configWriter.skew.known().Without(translate.ConfigOf(wish))
	if translate.Satisfied(intent, clone, translate.ManagerConfig, "") {
		return nil
	}
	log.FromContext(ctx).Info("Applying configuration", "DRClusterConfig", l.cluster)
	stored, err := l.configWriter.apply(ctx, intent)
	if err == nil {
		l.spokeConfig.wrote(stored)
	}
	return err
}
