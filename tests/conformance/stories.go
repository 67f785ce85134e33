// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Scenarios.
const (
	Relocate  = "relocate"
	Return    = "change-of-mind"
	Failover  = "failover"
	Snapshots = "snapshots"
)

// Promises.
const (
	Protected    = "a volume is replicated, and its metadata is stored"
	AgeKnown     = "the age of the peer's copy is told"
	Level        = "a demoted volume is in sync before the peer is promoted"
	Promoted     = "the peer takes over with every byte"
	LetGo        = "a deleted claim and its replica leave the old home"
	Back         = "the application moves back with every byte"
	Ended        = "the end of the protection leaves no replica"
	PromotedBack = "a demoted volume is promoted again where it is"
	Resumed      = "and replicates to the peer again"
	TakenOver    = "the peer takes over from a home that is Primary still, with the last copy"
	Follows      = "the old home becomes Secondary and follows"
	Again        = "copies go back to the old home"
	Restored     = "a snapshot becomes a volume with its bytes"
)

// relocate is the life of an application whose claims leave with the workload.
func relocate(ctx context.Context, sc *scenario) {
	var word string
	sc.promise(ctx, Protected, sc.protect)
	sc.attempt(ctx, AgeKnown, func(ctx context.Context) error { return sc.reported(ctx, time.Time{}) })
	sc.promise(ctx, Level, func(ctx context.Context) (err error) {
		if word, err = sc.write(ctx); err != nil {
			return err
		}
		return sc.demote(ctx, true)
	})
	sc.promise(ctx, Promoted, func(ctx context.Context) error { return sc.take(ctx, v1alpha1.VRGActionRelocate, word) })
	sc.attempt(ctx, LetGo, func(ctx context.Context) error {
		if err := sc.serve(ctx, v1alpha1.VRGActionRelocate); err != nil {
			return err
		}
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: sc.namespace, Name: claimName}}
		return sc.there().gone(ctx, claim)
	})
	sc.promise(ctx, Back, func(ctx context.Context) (err error) {
		if word, err = sc.write(ctx); err != nil {
			return err
		}
		if err := sc.demote(ctx, true); err != nil {
			return err
		}
		return sc.take(ctx, v1alpha1.VRGActionRelocate, word)
	})
	sc.promise(ctx, Ended, sc.disable)
}

// changeOfMind is a relocate that is taken back after the demotion.
func changeOfMind(ctx context.Context, sc *scenario) {
	var word string
	sc.promise(ctx, Protected, sc.protect)
	sc.promise(ctx, Level, func(ctx context.Context) (err error) {
		if word, err = sc.write(ctx); err != nil {
			return err
		}
		return sc.demote(ctx, false)
	})
	sc.promise(ctx, PromotedBack, func(ctx context.Context) error {
		if err := sc.promote(ctx, sc.here(), v1alpha1.VRGActionRelocate); err != nil {
			return err
		}
		if err := sc.answers(ctx, sc.here(), stored(sc.here())); err != nil {
			return err
		}
		_, err := sc.write(ctx, word)
		return err
	})
	sc.promise(ctx, Resumed, func(ctx context.Context) error {
		was, err := sc.told(ctx)
		if err != nil {
			return err
		}
		return sc.reported(ctx, was)
	})
	sc.promise(ctx, Ended, sc.disable)
}

// failover is a failover while the old home lives: to the storage of the peer there is hardly a difference. Claims stay, as those
// of a StatefulSet do.
func failover(ctx context.Context, sc *scenario) {
	var copied, word string
	sc.promise(ctx, Protected, sc.protect)
	sc.promise(ctx, TakenOver, func(ctx context.Context) (err error) {
		if copied, err = sc.write(ctx); err != nil {
			return err
		}
		interval, err := sc.interval()
		if err != nil {
			return err
		}
		// One copy may have been under way when the word was written; lastSyncTime may tell nothing.
		written := sc.clock.Now()
		if err := sc.await(ctx, func(context.Context) error {
			if sc.clock.Since(written) < 2*interval+sc.options.Look {
				return errors.New("the copy that has what was written last is awaited")
			}
			return nil
		}); err != nil {
			return err
		}
		return sc.take(ctx, v1alpha1.VRGActionFailover, copied)
	})
	sc.promise(ctx, Follows, func(ctx context.Context) error { return sc.serve(ctx, v1alpha1.VRGActionFailover) })
	sc.promise(ctx, Again, func(ctx context.Context) (err error) {
		if word, err = sc.write(ctx); err != nil {
			return err
		}
		was, err := sc.told(ctx)
		if err != nil {
			return err
		}
		return sc.reported(ctx, was)
	})
	sc.promise(ctx, Back, func(ctx context.Context) error {
		if err := sc.demote(ctx, false); err != nil {
			return err
		}
		return sc.take(ctx, v1alpha1.VRGActionRelocate, copied, word)
	})
	sc.promise(ctx, Ended, sc.disable)
}

// snapshots is what copies of VolSync are made from.
func snapshots(ctx context.Context, sc *scenario) {
	sc.promise(ctx, Restored, func(ctx context.Context) error {
		s := sc.here()
		if err := s.house(ctx, sc.namespace); err != nil {
			return err
		}
		if err := s.claim(ctx, sc.namespace, nil, claimName); err != nil {
			return fmt.Errorf("create claim: %w", err)
		}
		word, err := sc.write(ctx)
		if err != nil {
			return err
		}
		class, from := sc.options.SnapshotClass, claimName
		snapshot := &snapshotv1.VolumeSnapshot{
			ObjectMeta: metav1.ObjectMeta{Namespace: sc.namespace, Name: "data"},
			Spec:       snapshotv1.VolumeSnapshotSpec{VolumeSnapshotClassName: &class, Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &from}},
		}
		if err := s.client.Create(ctx, snapshot); err != nil {
			return fmt.Errorf("create VolumeSnapshot: %w", err)
		}
		if err := s.await(ctx, func(ctx context.Context) error {
			if err := s.client.Get(ctx, client.ObjectKeyFromObject(snapshot), snapshot); err != nil {
				return err
			}
			status := snapshot.Status
			switch {
			case status != nil && status.ReadyToUse != nil && *status.ReadyToUse:
				return nil
			case status != nil && status.Error != nil && status.Error.Message != nil:
				return errors.New(*status.Error.Message)
			}
			return errors.New("the snapshot is not ready to use")
		}); err != nil {
			return err
		}
		const restored = "restored"
		group := snapshotv1.GroupName
		if err := s.claim(ctx, sc.namespace, &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: snapshot.Name}, restored); err != nil {
			return fmt.Errorf("create claim: %w", err)
		}
		found, err := s.write(ctx, sc.namespace, restored, "")
		if err == nil && (len(found) == 0 || found[0] != word) {
			err = fmt.Errorf("the restored volume holds %v and lacks %s", found, word)
		}
		return err
	})
}
