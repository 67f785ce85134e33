// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/store"
)

const (
	// checkGood is how long a bucket that answered is believed to answer.
	// Each check is one request. A failover needs the store of its target, so a broken one should be known before.
	checkGood = time.Minute
	// checkBad is how long after a failure a bucket is asked again.
	checkBad = 15 * time.Second
	// checkTimeout bounds one check: a store that swallows requests must not hold up what else the hub knows of the
	// cluster.
	checkTimeout = 5 * time.Second
)

// noStore is Ramen's name of a profile for a cluster without an object store: nothing is asked, nothing is stored.
const noStore = "NoS3"

// Reasons of Validated that concern the object store. Those that begin in lower case are Ramen's.
const (
	reasonConfigMap      = "ConfigMapGetFailed"
	reasonConnection     = "s3ConnectionFailed"
	reasonBucket         = "s3BucketNotFound"
	reasonList           = "s3ListFailed"
	reasonSecretNotFound = "SecretNotFound"
	reasonAccessDenied   = "AccessDenied"
)

// buckets remembers the last check of each cluster's bucket, so that a pass for another cause asks nobody. It is safe
// for concurrent use.
type buckets struct {
	open  store.Opener
	clock clock.PassiveClock
	mu    sync.Mutex
	last  map[string]checked
}

type checked struct {
	cfg   store.Config
	err   error
	until time.Time // when to ask again
}

func newBuckets(open store.Opener, c clock.PassiveClock) *buckets {
	return &buckets{open: open, clock: c, last: map[string]checked{}}
}

// check is the outcome of the last check of the cluster's bucket, or of a new one if that is due or cfg changed.
func (b *buckets) check(ctx context.Context, cluster string, cfg store.Config) error {
	b.mu.Lock()
	was, ok := b.last[cluster]
	b.mu.Unlock()
	if ok && reflect.DeepEqual(was.cfg, cfg) && b.clock.Now().Before(was.until) {
		return was.err
	}
	err := b.ask(ctx, cfg)
	valid := checkGood
	if err != nil {
		valid = checkBad
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last[cluster] = checked{cfg: cfg, err: err, until: b.clock.Now().Add(valid)}
	return err
}

func (b *buckets) ask(ctx context.Context, cfg store.Config) error {
	s, err := b.open(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return s.Check(ctx)
}

// due is how long until the next check of the cluster's bucket; ok is false if there was none yet.
func (b *buckets) due(cluster string) (after time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, ok := b.last[cluster]
	return was.until.Sub(b.clock.Now()), ok
}

// forget drops what is known of the cluster's bucket.
func (b *buckets) forget(cluster string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.last, cluster)
}

// checkBucket follows the way from the name of the profile to its bucket. Nil: the bucket answers.
func (r *Reconciler) checkBucket(ctx context.Context, dc *v1alpha1.DRCluster, now seen) *failure {
	later := func(reason string, err error) *failure {
		return &failure{reason: reason, err: &outcome.Waiting{Reason: reason, Message: err.Error(), After: checkBad}}
	}
	if now.configErr != nil {
		r.buckets.forget(dc.Name)
		return later(reasonConfigMap, now.configErr)
	}
	if dc.Spec.S3ProfileName == noStore {
		r.buckets.forget(dc.Name)
		return nil
	}
	if slices.Contains(now.abandoned, dc.Spec.S3ProfileName) {
		r.buckets.forget(dc.Name)
		return nil
	}
	profile, err := now.config.Profile(dc.Spec.S3ProfileName)
	if err != nil {
		r.buckets.forget(dc.Name)
		return later(reasonConnection, err)
	}
	cfg, err := store.FromProfile(ctx, r.live, r.options.Namespace, profile)
	if err != nil {
		r.buckets.forget(dc.Name)
		return later(reasonOf(err, reasonConnection), err)
	}
	if err := r.buckets.check(ctx, dc.Name, cfg); err != nil {
		if store.Lost(err) {
			err = fmt.Errorf("%w; %s", err, giveUp(dc))
		}
		return later(reasonOf(err, reasonList), err)
	}
	return nil
}

// reasonOf is the reason of Validated for a failure of a store; other where the store's own reason says little.
func reasonOf(err error, other string) string {
	switch store.ReasonOf(err) {
	case store.ReasonBadProfile, store.ReasonUnreachable:
		return reasonConnection
	case store.ReasonSecretNotFound:
		return reasonSecretNotFound
	case store.ReasonAccessDenied:
		return reasonAccessDenied
	case store.ReasonBucketNotFound:
		return reasonBucket
	case store.ReasonTooLarge, store.ReasonRefused, store.ReasonError:
		return other
	}
	return other
}
