// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

const (
	outboxPrefix = "outbox-"
	inboxPrefix  = "inbox-"

	prefix = "exchange.ramendr.openshift.io/"

	// maxName is the limit of Kubernetes for the name of an object, in characters.
	maxName = 253
	hashLen = 16
)

// Labels of the namespaces of the exchange.
const (
	// LabelCluster on an outbox or inbox namespace names its cluster.
	LabelCluster = "ramendr.openshift.io/cluster"
	// LabelExchange on a namespace is "outbox" or "inbox". Controllers of a spoke ignore such namespaces, so that a hub
	// may share its cluster with a spoke.
	LabelExchange = "ramendr.openshift.io/exchange"
	// RoleOutbox is the value of LabelExchange on an outbox.
	RoleOutbox = "outbox"
	// RoleInbox is the value of LabelExchange on an inbox.
	RoleInbox = "inbox"
)

// Annotations of wishes, copies and reports.
const (
	// AnnotationNamespace holds the namespace of the copy (wish, report).
	AnnotationNamespace = prefix + "namespace"
	// AnnotationName holds the name of the copy (wish, report).
	AnnotationName = prefix + "name"
	// AnnotationEpoch holds the epoch, a decimal number (wish, copy).
	AnnotationEpoch = prefix + "epoch"
	// AnnotationDRPC holds <namespace>/<name> of the DRPlacementControl behind a wish (wish, copy, report).
	AnnotationDRPC = prefix + "drpc"
	// AnnotationOrigin holds the id of the hub: the UID of its namespace kube-system (wish, copy).
	AnnotationOrigin = prefix + "origin"
	// AnnotationFormerOrigins holds the ids of the hubs that a copy was taken over from, separated by commas (copy of a
	// Secret; X8).
	AnnotationFormerOrigins = prefix + "former-origins"
	// AnnotationAdoptUID names the UID of an object that the wish may take over (wish; X8).
	AnnotationAdoptUID = prefix + "adopt-uid"
	// AnnotationWishUID holds the UID of the wish that a copy was made from (copy).
	AnnotationWishUID = prefix + "wish-uid"
	// AnnotationWishGeneration holds the generation of that wish (copy).
	AnnotationWishGeneration = prefix + "wish-generation"
	// AnnotationEndedBy holds the UID of the wish whose deletion ends the protection here; the mirror sets it before it deletes
	// the copy (copy; X14).
	AnnotationEndedBy = prefix + "ended-by"
	// AnnotationRecalled says that the cluster claimed to obey a later wish than the hub knows, as it does when the hub was
	// restored from a backup: the hub made the wish again from that report, or asked the user whether to believe it (X16). It
	// holds the generation that the DRPlacementControl had then (wish).
	AnnotationRecalled = prefix + "recalled-at-generation"
	// AnnotationSpokeID holds the identity of a cluster (X13): in a lease that of the cluster whose mirror wrote it, in a
	// DRClusterConfig on the hub the one that the hub takes for this cluster, in a wish the one that it is meant for.
	AnnotationSpokeID = prefix + "spoke-id"
	// AnnotationDestinationsOf holds <identity of the cluster>/<UID> of the VolumeReplicationGroup whose report the
	// destinations in a wish follow: what
	// the report about another object lacks is not known to be gone (wish; X13).
	AnnotationDestinationsOf = prefix + "destinations-of"
	// AnnotationSentAway says "true" on the wish of a Primary whose workload was told to leave and has not been seen in use
	// since: volumes that its reports lack may come back with the workload, so their copies stay (wish).
	AnnotationSentAway = prefix + "workload-sent-away"
	// AnnotationScopeKept holds the UID of the DRPlacementControl that selects other volumes than the wish, which keeps those of
	// an earlier object until the user accepts it (wish).
	AnnotationScopeKept = prefix + "scope-kept"
)

// AnnotationEnded on a DRClusterConfig of a cluster holds the UIDs of wishes whose deletion the cluster has seen, the latest
// last, separated by commas. A hub that was restored from a backup may show such a wish again (X6).
const AnnotationEnded = prefix + "ended-wishes"

// MaxEnded is how many wishes a cluster remembers in AnnotationEnded.
const MaxEnded = 1000

// ReasonEnded is the reason of Applied=False on a wish whose deletion the cluster has seen before: protection was ended since
// the backup from which the hub was restored.
const ReasonEnded = "EndedBefore"

// AnnotationBeside on a wish holds the resource version that the wish of the other cluster had when that was about to be
// promoted (wish; X15).
const AnnotationBeside = prefix + "beside"

// FinalizerWish holds a wish in its outbox until its copy is known to be absent (X6).
const FinalizerWish = prefix + "wish"

// ServiceAccount is the name of the agent's ServiceAccount in the inbox namespace.
const ServiceAccount = "mirror"

// SecretCredential is the name of the Secret, beside the ServiceAccount, that each token of the mirror is bound to: an API
// server accepts none of them once this Secret is deleted. It holds nothing.
const SecretCredential = "mirror-credential"

// MaxVolumes is how many volumes of one group a report lists, and the hub believes (X16).
const MaxVolumes = 1000

// Outbox returns the hub namespace that says what cluster is to do.
func Outbox(cluster string) string { return outboxPrefix + cluster }

// Inbox returns the hub namespace that says what cluster reported.
func Inbox(cluster string) string { return inboxPrefix + cluster }

// ClusterOf is the inverse of Outbox and Inbox.
func ClusterOf(namespace string) (cluster string, ok bool) {
	for _, p := range []string{outboxPrefix, inboxPrefix} {
		if c, found := strings.CutPrefix(namespace, p); found && c != "" {
			return c, true
		}
	}
	return "", false
}

// ObjectName is the name of the wish and of the report for the copy namespace/name (X2). A name beyond the limit of
// Kubernetes is cut and ends in a hash of the whole.
func ObjectName(namespace, name string) string {
	full := namespace + "." + name
	if len(full) <= maxName {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	cut := strings.TrimRight(full[:maxName-hashLen-1], ".-")
	return cut + "-" + hex.EncodeToString(sum[:])[:hashLen]
}

// GroupOf is where the group of an application lies on its clusters.
func GroupOf(drpc *v1alpha1.DRPlacementControl) types.NamespacedName {
	group := types.NamespacedName{Namespace: drpc.Namespace, Name: drpc.Name}
	if ns := drpc.Annotations[v1alpha1.AnnotationAppNamespace]; ns != "" {
		group.Namespace = ns
	}
	return group
}

// Target is the namespace and name that the copy of a wish or report has on the spoke, from its annotations. It fails
// if an annotation is missing, with a message that names it.
func Target(obj client.Object) (types.NamespacedName, error) {
	a := obj.GetAnnotations()
	for _, key := range []string{AnnotationNamespace, AnnotationName} {
		if a[key] == "" {
			return types.NamespacedName{}, fmt.Errorf("object %s/%s has no annotation %s", obj.GetNamespace(), obj.GetName(), key)
		}
	}
	return types.NamespacedName{Namespace: a[AnnotationNamespace], Name: a[AnnotationName]}, nil
}

const (
	// MaxEpoch is the highest epoch that a wish or copy may carry: the highest number that every JSON parser reads exactly.
	MaxEpoch int64 = 1<<53 - 1
	// MaxLead is by how much the epoch in a report may exceed all that the hub knows. A hub that was lost knows none, so this
	// is also how often one application can be promoted in all. What exceeds it is a mistake or a lie: believing it would use
	// up the epochs.
	MaxLead int64 = 1 << 24
)

// Believable reports whether a cluster can have been told epoch by a hub, if known is the highest epoch that this hub wished
// for the application (X16).
func Believable(epoch, known int64) bool {
	return epoch >= 0 && epoch <= min(known, MaxEpoch-MaxLead)+MaxLead
}

// NextEpoch is the epoch after last.
func NextEpoch(last int64) int64 { return min(last, MaxEpoch-1) + 1 }

// EpochOf is the epoch that a wish or copy carries; zero if it carries none. It fails if the annotation is no number, or
// one that no hub writes.
func EpochOf(obj client.Object) (int64, error) {
	text, ok := obj.GetAnnotations()[AnnotationEpoch]
	if !ok || text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > MaxEpoch {
		return 0, fmt.Errorf("annotation %s of %s/%s is %.30q, want a decimal number up to %d", AnnotationEpoch, obj.GetNamespace(), obj.GetName(), text, MaxEpoch)
	}
	return n, nil
}

// FormatEpoch is the value of AnnotationEpoch for epoch.
func FormatEpoch(epoch int64) string { return strconv.FormatInt(epoch, 10) }
