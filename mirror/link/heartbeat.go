// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
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

// beating is what beat remembers.
type beating struct {
	lease *translate.Object // as it was stored last; nil: not by this link
}

// beat renews the lease until ctx ends: at its interval, and at once when the inventory of the spoke changed, since the
// hub learns only from the lease that something is absent (X4). While that fails it tells why in the lease.
func (l *Link) beat(ctx context.Context) {
	told := ""
	for {
		pause := l.timing.Renew
		err := l.renew(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if _, _, s := l.identity.is(); s != estranged {
				pause = renewRetry
			}
			if state := l.State().String(); state != told {
				log.FromContext(ctx).Info("Cannot renew lease", "link", state, "reason", err.Error())
				told = state
			}
			l.tellWhy(ctx)
		} else if told != "" {
			log.FromContext(ctx).Info("Renewed lease again")
			told = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-l.clock.After(renewAtMost):
		}
		select {
		case <-ctx.Done():
			return
		case <-l.clock.After(pause - renewAtMost):
		case <-l.inventoryChanged:
		}
	}
}

var (
	errListing  = errors.New("not everything is listed yet")
	errWentBack = errors.New("an API server went back in time: it was restored from a backup; everything is listed again")
)

// renew renews the lease once all that is known of the spoke now is written (X5), if it is known.
func (l *Link) renew(ctx context.Context) error {
	select {
	case <-l.inventoryChanged: // covered by what follows
	default:
	}
	if err := l.askSpoke(ctx); err != nil {
		return err
	}
	if !l.trusted() {
		return errListing
	}
	if err := l.askHub(ctx); err != nil {
		return err
	}
	if cause := l.troubles.worst(l.clock.Now(), spokeSide); cause != "" {
		return errors.New(cause)
	}
	inventory := l.inventory()
	if err := l.drainReports(ctx); err != nil {
		return err
	}
	if !l.trusted() { // what was written meanwhile may be forgotten again
		return errListing
	}
	now := l.clock.Now()
	intent := l.lease(exchange.Digest(inventory), State{Phase: Live, Cause: l.troubles.worst(now, hubSide)})
	intent.Object["spec"] = l.renewal(now)
	annotations := intent.GetAnnotations()
	exchange.Refused(annotations, inventory, l.unreported.all())
	intent.SetAnnotations(annotations)
	if err := l.writeLease(ctx, intent); err != nil {
		return err
	}
	l.renewed.Store(now.UnixNano())
	return nil
}

// askSpoke makes sure that the spoke answers, and that it is the one, and at the time or later, that the watches have
// shown: a watch alone would not tell that its connection is dead, nor that an API server went back in time.
func (l *Link) askSpoke(ctx context.Context) error {
	asked := task{spokeSide, "ask for news"}
	within, cancel := context.WithTimeout(ctx, l.timing.Renew)
	defer cancel()
	l.troubles.begin(asked)
	shown := l.copies.version()
	version, err := l.spoke.version(within, groupResource)
	if err == nil {
		err = l.identify(within)
	}
	l.troubles.end(within, asked, err)
	if err != nil {
		return err
	}
	if newer(shown, version) {
		l.distrust(l.spokeStores())
		return fmt.Errorf("cluster: %w", errWentBack)
	}
	return nil
}

// trusted reports whether everything was listed, and no API server was away since.
func (l *Link) trusted() bool {
	return !slices.ContainsFunc(slices.Concat(l.hubStores(), l.spokeStores()), func(s *store) bool { return !s.trust() })
}

func (l *Link) distrust(stores []*store) {
	for _, s := range stores {
		s.distrust()
	}
}

// drainReports waits until all that was seen on the spoke is written. It gives up when the hub takes the link for lost
// anyway, so that the lease can tell why.
func (l *Link) drainReports(ctx context.Context) error {
	written := task{hubSide, "write reports"}
	within, cancel := context.WithTimeout(ctx, l.timing.Duration)
	defer cancel()
	l.troubles.begin(written)
	err := l.up.drain(within)
	l.troubles.end(within, written, err)
	if err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	return nil
}

// writeLease writes the lease over the version of it that this link knows. If there is another one, either another mirror
// keeps the link too, or the hub was restored from a backup: then its inbox is old, though this link remembers to have
// written it.
func (l *Link) writeLease(ctx context.Context, intent *translate.Object) error {
	written := task{hubSide, "write the lease"}
	l.troubles.begin(written)
	err := l.tryLease(ctx, intent)
	if last := l.beating.lease; last != nil && (outdated(err) || apierrors.IsNotFound(err)) {
		var is *translate.Object
		if is, err = l.hub.get(ctx, leaseResource, intent.GetNamespace(), intent.GetName()); err == nil {
			l.beating.lease = is
			if is == nil || !newer(is.GetResourceVersion(), last.GetResourceVersion()) {
				l.distrust(l.hubStores())
				err = fmt.Errorf("hub: %w", errWentBack)
			} else {
				err = l.tryLease(ctx, intent)
			}
		}
	}
	l.troubles.end(ctx, written, err)
	return err
}

func (l *Link) tryLease(ctx context.Context, intent *translate.Object) error {
	if last := l.beating.lease; last != nil {
		intent.SetUID(last.GetUID())
		intent.SetResourceVersion(last.GetResourceVersion())
	}
	stored, err := l.hub.apply(ctx, leaseResource, intent, translate.ManagerLease)
	if err == nil {
		l.beating.lease = stored
	}
	return err
}

// tellWhy tells in the lease, without renewing it, why it is not renewed, if it does not say so already. It is tried once:
// most often it is the hub that can't be reached. The lease of another cluster is left alone (X13); one that nobody is
// recorded for tells which cluster this is.
func (l *Link) tellWhy(ctx context.Context) {
	asked := l.hubConfig.known() // before the standing: what is listed afterwards may not be in it
	own, _, s := l.identity.is()
	if s == estranged {
		return
	}
	within, cancel := context.WithTimeout(ctx, l.timing.Renew)
	defer cancel()
	state, last := l.State().String(), l.beating.lease
	says := func(lease *translate.Object) bool {
		a := lease.GetAnnotations()
		return a[exchange.AnnotationLink] == state && (own == "" || a[exchange.AnnotationSpokeID] == own)
	}
	if last != nil && says(last) {
		return
	}
	if last == nil {
		is, err := l.hub.get(within, leaseResource, exchange.Inbox(l.cluster), exchange.LeaseName)
		if err != nil || is != nil && says(is) {
			return
		}
		l.beating.lease = is
	}
	if by := l.beating.lease; !asked && by != nil && by.GetAnnotations()[exchange.AnnotationSpokeID] != "" && by.GetAnnotations()[exchange.AnnotationSpokeID] != own {
		return // it may be that of the recorded cluster, and this one a stranger
	}
	intent := l.lease("", l.State())
	if last = l.beating.lease; last != nil {
		intent.Object["spec"] = last.Object["spec"]
		intent.SetAnnotations(last.GetAnnotations())
	}
	intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationLink, state))
	if l.credential != nil {
		intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationCredential, l.credential().String()))
	}
	if own != "" {
		intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationSpokeID, own))
	}
	if err := l.writeLease(within, intent); err != nil {
		log.FromContext(ctx).V(1).Info("Cannot tell the state in the lease", "reason", err.Error())
	}
}

func with(m map[string]string, key, value string) map[string]string {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]string{}
	}
	out[key] = value
	return out
}

// lease is the lease without its renewal.
func (l *Link) lease(digest string, state State) *translate.Object {
	lease := &translate.Object{Object: map[string]any{}}
	lease.SetAPIVersion(leaseResource.GroupVersion().String())
	lease.SetKind("Lease")
	lease.SetNamespace(exchange.Inbox(l.cluster))
	lease.SetName(exchange.LeaseName)
	annotations := map[string]string{exchange.AnnotationLink: state.String()}
	if digest != "" {
		annotations[exchange.AnnotationInventory] = digest
	}
	if own, _, _ := l.identity.is(); own != "" {
		annotations[exchange.AnnotationSpokeID] = own
	}
	if l.credential != nil {
		annotations[exchange.AnnotationCredential] = l.credential().String()
	}
	unknown := translate.Paths{}
	maps.Copy(unknown, l.reportWriter.skew.known())
	maps.Copy(unknown, l.configReportWriter.skew.known())
	if len(unknown) > 0 {
		annotations[exchange.AnnotationSkew] = unknown.String()
	}
	if secrets := l.undelivered.String(); secrets != "" {
		annotations[exchange.AnnotationUndelivered] = secrets
	}
	lease.SetAnnotations(annotations)
	return lease
}

// remarks are what the lease tells about single objects.
type remarks struct {
	mu   sync.Mutex
	text map[string]string // by the name of the wish or report
}

// set notes what is told about the object behind name; empty: nothing. It reports whether that is new.
func (r *remarks) set(name, text string) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.text[name]
	if text != "" {
		r.text[name] = text
	} else {
		delete(r.text, name)
	}
	return was != text
}

// all lists them, sorted.
func (r *remarks) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Values(r.text))
}

// String lists them in one line.
func (r *remarks) String() string { return strings.Join(r.all(), ", ") }
