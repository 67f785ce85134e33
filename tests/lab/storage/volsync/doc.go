// SPDX-License-Identifier: Apache-2.0

// Package volsync serves the rsync-TLS contract of VolSync for the volumes of the lab's storage: ReplicationSource and
// ReplicationDestination, as they look through the API. Bytes go from a snapshot of the source to the volume of the
// destination, whole or not at all, and a snapshot of that becomes the latest image.
//
// What a provider of DR has to live with is kept: a source is done when the destination has the bytes, and the image of them
// comes later; the tag of a manual trigger is claimed by the synchronization that ends next, even if it began before the tag
// was set; a destination that is busy with its image refuses; an image that is replaced goes, unless it is marked. A source
// that cannot send keeps its point in time and tries again. A mover that waits at a destination keeps the key that it was
// started with: it is started again when what its Job is made from changes, the name of the Secret among that, and for the next
// synchronization. Where it differs from VolSync it is faster, a transfer that
// breaks leaves the volume of the destination as it was, keys are not generated, and the annotations by which a user holds
// up copies are not read.
package volsync

import (
	"fmt"
	"time"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/cond"
)

// retryAfter is when something that failed is tried again.
const retryAfter = 500 * time.Millisecond

// Labels of VolSync.
const (
	labelCreatedBy   = "app.kubernetes.io/created-by"
	labelCleanup     = "volsync.backube/cleanup"
	labelDoNotDelete = "volsync.backube/do-not-delete"
	createdBy        = "volsync"
)

// keyName is the entry of the Secret.
const keyName = "psk.txt"

// Definitions are the CustomResourceDefinitions without which nothing can be served, besides those of snapshots.
func Definitions() []string {
	return []string{"replicationsources.volsync.backube", "replicationdestinations.volsync.backube"}
}

// Address is where a destination of a cluster is reached, in place of the DNS name of its Service.
func Address(cluster string, rd client.ObjectKey) string {
	return fmt.Sprintf("volsync-rsync-tls-dst-%s.%s%s", rd.Name, rd.Namespace, suffix(cluster))
}

// suffix is the end of all addresses of a cluster.
func suffix(cluster string) string { return "." + cluster + ".lab" }

// labels mark what was made for an object, and goes with it.
func labels(owner client.Object) map[string]string {
	return map[string]string{labelCreatedBy: createdBy, labelCleanup: string(owner.GetUID())}
}

// show puts the one condition into a list.
func show(list []metav1.Condition, now time.Time, generation int64, status metav1.ConditionStatus, reason, message string) []metav1.Condition {
	return cond.Merge(list, now, cond.New(volsyncv1alpha1.ConditionSynchronizing, status, reason, message, generation))
}

func seconds(t time.Time) *metav1.Time {
	at := metav1.NewTime(t.Truncate(time.Second))
	return &at
}

// since is how long a synchronization took.
func since(start *metav1.Time, now time.Time) *metav1.Duration {
	if start == nil {
		return nil
	}
	return &metav1.Duration{Duration: now.Sub(start.Time)}
}

// usable says why a claim cannot be used yet.
func usable(pvc *corev1.PersistentVolumeClaim) error {
	if pvc.Spec.VolumeName == "" || pvc.Status.Phase != corev1.ClaimBound {
		return missing("claim %s is not bound", pvc.Name)
	}
	return nil
}

// errMissing is about something that somebody else has to make or to fix.
type errMissing struct{ error }

func missing(format string, args ...any) error { return errMissing{fmt.Errorf(format, args...)} }
