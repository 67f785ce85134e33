// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// unreportableRetry is how often a report that the hub does not accept is tried again.
const unreportableRetry = time.Minute

// reporter tells the hub what became of copies.
type reporter struct {
	*sides
	queue         *line
	groups        writer
	configuration *configuration
	delivery      *delivery
	unreported    notes // objects that the hub accepts no report about
}

func newReporter(s *sides, queue *line, c *configuration, d *delivery) *reporter {
	return &reporter{
		sides: s, queue: queue, configuration: c, delivery: d,
		groups:     writer{s.hub, groupResource, translate.ManagerReport, &skew{clock: s.clock}},
		unreported: notes{text: map[string]string{}},
	}
}

// run reports until ctx ends.
func (r *reporter) run(ctx context.Context) { r.queue.run(ctx, concurrency, logged(r.report)) }

// report tells the hub what became of one object.
func (r *reporter) report(ctx context.Context, it item) error {
	if may, err := r.identity.mayAct(ctx); err != nil || !may {
		return err
	}
	switch it.kind {
	case groups:
		return r.reportGroup(ctx, it)
	case config:
		return r.configuration.report(ctx)
	case secrets: // never reported
	}
	return nil
}

func (r *reporter) reportGroup(ctx context.Context, it item) error {
	clone, report := r.visibleCopy(it.name), r.inbox.get(it.name)
	if clone == nil {
		r.noteUnreported(it.name, "")
		return r.withdraw(ctx, report)
	}
	err := r.tell(ctx, it, clone, report)
	if unacceptable(err) {
		// The other objects of the cluster are not kept waiting for this one. Of this one the hub must not believe what
		// was true once, so it gets to know nothing, and sees that something is missing (X4).
		log.FromContext(ctx).Error(err, "The hub refused a report", "report", it.name)
		r.noteUnreported(it.name, fmt.Sprintf("%s/%s", clone.GetNamespace(), clone.GetName()))
		r.queue.addLater(it, unreportableRetry)
		if report = r.inbox.get(it.name); translate.Stamped(report) {
			return r.withdraw(ctx, report)
		}
		return nil
	}
	if err != nil {
		return err
	}
	r.noteUnreported(it.name, "")
	if len(r.groups.skew.known()) > 0 {
		r.queue.addLater(it, skewMemory)
	}
	r.delivery.of(it)
	return nil
}

// noteUnreported remembers the object about which the hub refuses a report, empty if it does not, and has the lease tell.
func (r *reporter) noteUnreported(report, object string) {
	if r.unreported.set(report, object) {
		r.noteInventory()
	}
}

// tell writes the report about clone: first what identifies it, then facts and stamp in one write (X3). A crash in
// between leaves the older facts with the older stamp, or a report without a stamp.
func (r *reporter) tell(ctx context.Context, it item, clone, report *translate.Object) error {
	main := r.groups.skew.known().Without(translate.Report(r.cluster, clone))
	if !translate.Satisfied(main, report, translate.ManagerReport, "") {
		condition(main, report)
		stored, err := r.groups.apply(ctx, main)
		if err != nil {
			return err
		}
		r.inbox.wrote(stored)
		report = stored
	}
	own, _, _ := r.identity.is()
	status := r.groups.skew.known().Without(translate.ReportStatus(r.cluster, own, clone, report, r.clock.Now()))
	if translate.Satisfied(status, report, translate.ManagerReport, "status") {
		return nil
	}
	log.FromContext(ctx).V(1).Info("Reporting", "report", report.GetName(), "spokeResourceVersion", clone.GetResourceVersion())
	condition(status, report)
	stored, err := r.groups.apply(ctx, status, "status")
	if err == nil {
		r.noteHop(wayUp, r.queue, it)
		r.inbox.wrote(stored)
	}
	return err
}

// withdraw deletes a report.
func (r *reporter) withdraw(ctx context.Context, report *translate.Object) error {
	if report == nil {
		return nil
	}
	log.FromContext(ctx).Info("Withdrawing report", "report", report.GetName())
	gone, err := r.hub.remove(ctx, groupResource, report)
	if err == nil && gone {
		r.inbox.deleted(report)
	}
	return err
}
