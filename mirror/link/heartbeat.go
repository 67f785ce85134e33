// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

const (
	// renewAtMost is the least time from one renewal to the next, however often the inventory changes.
	renewAtMost = 250 * time.Millisecond
	// renewRetry is when a renewal that failed is tried again.
	renewRetry = time.Second
)

// heartbeat renews the lease, by which the hub knows that what the cluster reports is up to date (X5).
type heartbeat struct {
	*sides
	holder     string
	timing     exchange.Timing
	credential func() exchange.Credential // nil: nothing is told
	copier     *copier
	reporter   *reporter

	last    *translate.Object // the lease as it was stored last; nil: not by this link. Used by run only.
	renewed atomic.Int64      // time of the last renewal, in nanoseconds of Unix time; 0: none
}

// run renews the lease until ctx ends: at its interval, and at once when the inventory of the spoke changed, since the
// hub learns only from the lease that something is absent (X4). While that fails it tells why in the lease.
func (h *heartbeat) run(ctx context.Context) {
	told := ""
	for {
		pause := h.timing.Renew
		err := h.renew(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if _, _, s := h.identity.is(); s != estranged {
				pause = renewRetry
			}
			if state := h.state().String(); state != told {
				log.FromContext(ctx).Info("Cannot renew lease", "link", state, "reason", err.Error())
				told = state
			}
			h.tellWhy(ctx)
		} else if told != "" {
			log.FromContext(ctx).Info("Renewed lease again")
			told = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-h.clock.After(renewAtMost):
		}
		select {
		case <-ctx.Done():
			return
		case <-h.clock.After(pause - renewAtMost):
		case <-h.inventoryChanged:
		}
	}
}

var (
	errListing  = errors.New("not everything is listed yet")
	errWentBack = errors.New("an API server went back in time: it was restored from a backup; everything is listed again")
)

// renew renews the lease once all that is known of the spoke now is written (X5), if it is known.
func (h *heartbeat) renew(ctx context.Context) error {
	select {
	case <-h.inventoryChanged: // covered by what follows
	default:
	}
	if err := h.askSpoke(ctx); err != nil {
		return err
	}
	if !h.trusted() {
		return errListing
	}
	if err := h.askHub(ctx); err != nil {
		return err
	}
	if cause := h.troubles.worst(h.clock.Now(), spokeSide); cause != "" {
		return errors.New(cause)
	}
	inventory := h.inventory()
	if err := h.drainReports(ctx); err != nil {
		return err
	}
	if !h.trusted() { // what was written meanwhile may be forgotten again
		return errListing
	}
	now := h.clock.Now()
	intent := h.lease(exchange.Digest(inventory), State{Phase: Live, Cause: h.troubles.worst(now, hubSide)})
	intent.Object["spec"] = h.renewal(now)
	annotations := intent.GetAnnotations()
	exchange.Refused(annotations, inventory, h.reporter.unreported.all())
	intent.SetAnnotations(annotations)
	if err := h.writeLease(ctx, func(*translate.Object) *translate.Object { return intent }); err != nil {
		return err
	}
	h.renewed.Store(now.UnixNano())
	return nil
}

// askSpoke makes sure that the spoke answers, and that it is the one, and at the time or later, that the watches have
// shown: a watch alone would not tell that its connection is dead, nor that an API server went back in time.
func (h *heartbeat) askSpoke(ctx context.Context) error {
	asked := task{spokeSide, "ask for news"}
	within, cancel := context.WithTimeout(ctx, h.timing.Renew)
	defer cancel()
	h.troubles.begin(asked)
	shown := h.copies.version()
	version, err := h.spoke.version(within, groupResource)
	if err == nil {
		err = h.identity.identify(within)
	}
	h.troubles.end(within, asked, err)
	if err != nil {
		return err
	}
	if newer(shown, version) {
		h.distrust(h.spokeStores())
		return fmt.Errorf("cluster: %w", errWentBack)
	}
	return nil
}

// drainReports waits until all that was seen on the spoke is written. It gives up when the hub takes the link for lost
// anyway, so that the lease can tell why.
func (h *heartbeat) drainReports(ctx context.Context) error {
	written := task{hubSide, "write reports"}
	within, cancel := context.WithTimeout(ctx, h.timing.Duration)
	defer cancel()
	h.troubles.begin(written)
	err := h.reporter.queue.drain(within)
	h.troubles.end(within, written, err)
	if err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	return nil
}

// writeLease writes what intent makes of the lease that this link knows, over that version of it; nil: nothing is written.
// If there is another version, either its answer was lost, or another mirror keeps the link too: then intent makes it of that
// one. Or the hub was restored from a backup: then its inbox is old, though this link remembers to have written it.
func (h *heartbeat) writeLease(ctx context.Context, intent func(last *translate.Object) *translate.Object) error {
	written := task{hubSide, "write the lease"}
	h.troubles.begin(written)
	err := h.tryLease(ctx, intent(h.last))
	if last := h.last; last != nil && (outdated(err) || apierrors.IsNotFound(err)) {
		var is *translate.Object
		if is, err = h.hub.get(ctx, leaseResource, exchange.Inbox(h.cluster), exchange.LeaseName); err == nil {
			h.last = is
			if is == nil || !newer(is.GetResourceVersion(), last.GetResourceVersion()) {
				h.distrust(h.hubStores())
				err = fmt.Errorf("hub: %w", errWentBack)
			} else {
				err = h.tryLease(ctx, intent(is))
			}
		}
	}
	h.troubles.end(ctx, written, err)
	return err
}

func (h *heartbeat) tryLease(ctx context.Context, intent *translate.Object) error {
	if intent == nil {
		return nil
	}
	if last := h.last; last != nil {
		intent.SetUID(last.GetUID())
		intent.SetResourceVersion(last.GetResourceVersion())
	}
	makeRoom(intent, h.last)
	stored, err := h.hub.apply(ctx, leaseResource, intent, translate.ManagerLease)
	if err == nil {
		h.last = stored
	}
	return err
}

// tellWhy tells in the lease, without renewing it, why it is not renewed, if it does not say so already. It is tried once:
// most often it is the hub that can't be reached. The lease of another cluster is left alone (X13); one that nobody is
// recorded for tells which cluster this is.
func (h *heartbeat) tellWhy(ctx context.Context) {
	asked := h.hubConfig.known() // before the standing: what is listed afterwards may not be in it
	own, _, standing := h.identity.is()
	if standing == estranged {
		return
	}
	within, cancel := context.WithTimeout(ctx, h.timing.Renew)
	defer cancel()
	if h.last == nil {
		is, err := h.hub.get(within, leaseResource, exchange.Inbox(h.cluster), exchange.LeaseName)
		if err != nil {
			return
		}
		h.last = is
	}
	state := h.state()
	intent := func(last *translate.Object) *translate.Object { return h.told(last, state, own, asked) }
	if intent(h.last) == nil {
		return
	}
	if err := h.writeLease(within, intent); err != nil {
		log.FromContext(ctx).V(1).Info("Cannot tell the state in the lease", "reason", err.Error())
	}
}

// told is the lease as it was stored last, or a first one, with the state of the link and the identity of the cluster; nil if
// it has both, or may be that of another cluster: this one does not know yet which one the hub has recorded, or which one it
// is itself, although nothing keeps it from knowing soon.
func (h *heartbeat) told(last *translate.Object, state State, own string, asked bool) *translate.Object {
	told := h.lease("", state)
	annotations := told.GetAnnotations()
	if last != nil {
		has := last.GetAnnotations()
		by := has[exchange.AnnotationSpokeID]
		if has[exchange.AnnotationLink] == state.String() && (own == "" || by == own) {
			return nil
		}
		if another := by != "" && by != own; another && (!asked || own == "" && state.Cause == "") {
			return nil
		}
		told.Object["spec"] = last.Object["spec"]
		annotations = maps.Clone(has)
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[exchange.AnnotationLink] = state.String()
	if h.credential != nil {
		annotations[exchange.AnnotationCredential] = h.credential().String()
	}
	if own != "" {
		annotations[exchange.AnnotationSpokeID] = own
	}
	told.SetAnnotations(annotations)
	return told
}

// age is the time since the lease was renewed; false: it never was.
func (h *heartbeat) age() (time.Duration, bool) {
	at := h.renewed.Load()
	return h.clock.Now().Sub(time.Unix(0, at)), at != 0
}

// state is the state of the link now.
func (h *heartbeat) state() State {
	p := progress{answered: h.troubles.answered(hubSide) && h.troubles.answered(spokeSide), lasts: h.timing.Duration, cause: h.troubles.worst(h.clock.Now())}
	if at := h.renewed.Load(); at != 0 {
		p.renewed = time.Unix(0, at)
	}
	return stateOf(p, h.clock.Now())
}
