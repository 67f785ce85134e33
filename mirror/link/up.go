// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// unreportableRetry is how often a report that the hub does not accept is tried again.
const unreportableRetry = time.Minute

// report tells the hub what became of one object.
func (l *Link) report(ctx context.Context, it item) error {
	if may, err := l.mayAct(ctx); err != nil || !may {
		return err
	}
	switch it.kind {
	case groups:
		return l.reportGroup(ctx, it)
	case config:
		return l.reportConfig(ctx)
	case secrets: // never reported
	}
	return nil
}

func (l *Link) reportGroup(ctx context.Context, it item) error {
	clone, report := l.visibleCopy(it.name), l.inbox.get(it.name)
	if clone == nil {
		l.noteUnreported(it.name, "")
		return l.withdraw(ctx, report)
	}
	err := l.tell(ctx, it, clone, report)
	if unacceptable(err) {
		// The other objects of the cluster are not kept waiting for this one. Of this one the hub must not believe what
		// was true once, so it gets to know nothing, and sees that something is missing (X4).
		log.FromContext(ctx).Error(err, "The hub refused a report", "report", it.name)
		l.noteUnreported(it.name, fmt.Sprintf("%s/%s", clone.GetNamespace(), clone.GetName()))
		l.up.addLater(it, unreportableRetry)
		if report = l.inbox.get(it.name); translate.Stamped(report) {
			return l.withdraw(ctx, report)
		}
		return nil
	}
	if err != nil {
		return err
	}
	l.noteUnreported(it.name, "")
	if len(l.reportWriter.skew.known()) > 0 {
		l.up.addLater(it, skewMemory)
	}
	l.deliveries.addLater(it, deliveryDelay)
	return nil
}

// noteUnreported remembers the object about which the hub refuses a report, empty if it does not, and has the lease tell.
func (l *Link) noteUnreported(report, object string) {
	if l.unreported.set(report, object) {
		l.noteInventory()
	}
}

// tell writes the report about clone: first what identifies it, then facts and stamp in one write (X3). A crash in
// between leaves the older facts with the older stamp, or a report without a stamp.
func (l *Link) tell(ctx context.Context, it item, clone, report *translate.Object) error {
	main := l.reportWriter.skew.known().Without(translate.Report(l.cluster, clone))
	if !translate.Satisfied(main, report, translate.ManagerReport, "") {
		condition(main, report)
		stored, err := l.reportWriter.apply(ctx, main)
		if err != nil {
			return err
		}
		l.inbox.wrote(stored)
		report = stored
	}
	own, _, _ := l.identity.is()
	status := l.reportWriter.skew.known().Without(translate.ReportStatus(l.cluster, own, clone, report, l.clock.Now()))
	if translate.Satisfied(status, report, translate.ManagerReport, "status") {
		return nil
	}
	log.FromContext(ctx).V(1).Info("Reporting", "report", report.GetName(), "spokeResourceVersion", clone.GetResourceVersion())
	condition(status, report)
	stored, err := l.reportWriter.apply(ctx, status, "status")
	if err == nil {
		l.noteHop(wayUp, l.up, it)
		l.inbox.wrote(stored)
	}
	return err
}

// condition makes intent apply to the version of is that was looked at only; nil: only if there is none.
func condition(intent, is *translate.Object) {
	if is == nil {
		intent.SetResourceVersion("0")
		return
	}
	intent.SetUID(is.GetUID())
	intent.SetResourceVersion(is.GetResourceVersion())
}

// withdraw deletes a report.
func (l *Link) withdraw(ctx context.Context, report *translate.Object) error {
	if report == nil {
		return nil
	}
	log.FromContext(ctx).Info("Withdrawing report", "report", report.GetName())
	gone, err := l.hub.remove(ctx, groupResource, report)
	if err == nil && gone {
		l.inbox.deleted(report)
	}
	return err
}

// visibleCopy is the object on the spoke that belongs to a report; nil: there is none.
func (l *Link) visibleCopy(name string) *translate.Object {
	clone := l.copies.get(name)
	if clone == nil || l.exchangeNamespaces.has(clone.GetNamespace()) {
		return nil
	}
	return clone
}

// inventory is what the spoke has.
func (l *Link) inventory() []exchange.Item {
	all := l.copies.list()
	items := make([]exchange.Item, 0, len(all))
	for _, clone := range all {
		if !l.exchangeNamespaces.has(clone.Namespace) {
			items = append(items, exchange.Item{Namespace: clone.Namespace, Name: clone.Name, UID: string(clone.UID)})
		}
	}
	return items
}

func (l *Link) reportConfig(ctx context.Context) error {
	clone, told := l.spokeConfig.get(l.cluster), l.hubConfig.get(l.cluster)
	if clone == nil || told == nil {
		return nil
	}
	status := l.configReportWriter.skew.known().Without(translate.ConfigReport(clone))
	if translate.Satisfied(status, told, translate.ManagerConfigReport, "status") {
		return nil
	}
	status.SetUID(told.GetUID()) // not to another one that was made meanwhile
	stored, err := l.configReportWriter.apply(ctx, status, "status")
	if err == nil {
		l.hubConfig.wrote(stored)
	}
	return err
}
