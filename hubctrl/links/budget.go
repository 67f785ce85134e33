// SPDX-License-Identifier: Apache-2.0

package links

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// MaxKept is how many bytes of reports of one cluster the hub keeps in memory, as JSON; in memory they take several times that. A
// thousand applications of five volumes take 5 MiB.
const MaxKept = 64 << 20

// maxText is how many bytes a value may have in the outline of a report that is not kept. Two names of Kubernetes fit.
const maxText = 1024

// annotationApart marks what a cache holds of a report that is not kept. No object in an API server needs it: a cluster that writes it
// makes its reports be read past the cache, and count as not kept.
const annotationApart = "links.ramendr.openshift.io/not-kept"

// Budget bounds what the reports of one cluster take in the memory of the hub (X16). A cluster reports as much as it likes, and an API server
// takes what its limits allow: a quota bounds the number of reports, and each may have more than a megabyte. What exceeds
// the budget is believed all the same: an outline is kept, by which it is found, and it is read from the API server when it is
// needed. It is safe for concurrent use.
type Budget struct {
	most int

	mu sync.Mutex
	of map[string]*spent // by cluster
}

// spent is what the reports of a cluster take.
type spent struct {
	bytes   int
	reports map[string]report // by name
	apart   int               // reports that are not kept
	told    bool              // that there are such was told
}

type report struct {
	uid   types.UID
	bytes int
	apart bool
}

// NewBudget returns a budget of most bytes for each cluster.
func NewBudget(most int) *Budget { return &Budget{most: most, of: map[string]*spent{}} }

// Transform is what a cache is to keep of an object. It changes nothing about what it returned before: an informer that begins with a
// watch transforms each object twice.
func (b *Budget) Transform(o any) (any, error) {
	group, ok := o.(*v1alpha1.VolumeReplicationGroup)
	if !ok {
		return o, nil
	}
	cluster, ok := exchange.ClusterOf(group.Namespace)
	if !ok || group.Namespace != exchange.Inbox(cluster) {
		return o, nil
	}
	text, err := json.Marshal(group)
	if err != nil {
		return nil, fmt.Errorf("measure the report %s/%s: %w", group.Namespace, group.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.of[cluster]
	if s == nil {
		s = &spent{reports: map[string]report{}}
		b.of[cluster] = s
	}
	s.remove(group.Name)
	r := report{uid: group.UID, bytes: len(text), apart: Apart(group) || s.bytes+len(text) > b.most}
	s.add(group.Name, r)
	if r.apart {
		return outline(group), nil
	}
	return group, nil
}

func (s *spent) add(name string, r report) {
	s.reports[name] = r
	if r.apart {
		s.apart++
	} else {
		s.bytes += r.bytes
	}
}

func (s *spent) remove(name string) {
	r, there := s.reports[name]
	switch {
	case !there:
		return
	case r.apart:
		s.apart--
	default:
		s.bytes -= r.bytes
	}
	delete(s.reports, name)
}

// gone is told of a report that a cache does not hold any more.
func (b *Budget) gone(cluster string, group *v1alpha1.VolumeReplicationGroup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.of[cluster]; s != nil && s.reports[group.Name].uid == group.UID { // else there is another one of its name
		s.remove(group.Name)
	}
}

// Apart is how many reports of a cluster are not kept.
func (b *Budget) Apart(cluster string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.of[cluster]; s != nil {
		return s.apart
	}
	return 0
}

// news reports whether it is to be told that some reports are not kept, or that all are again.
func (b *Budget) news(cluster string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.of[cluster]
	if s == nil || s.told == (s.apart > 0) {
		return false
	}
	s.told = !s.told
	return true
}

// Apart reports whether what a cache holds of a report is an outline, and the report is to be read from the API server.
func Apart(report *v1alpha1.VolumeReplicationGroup) bool {
	return report.Annotations[annotationApart] != ""
}

// outline is what is kept of a report that is not kept: who it is of, and which object it is about.
func outline(group *v1alpha1.VolumeReplicationGroup) *v1alpha1.VolumeReplicationGroup {
	out := &v1alpha1.VolumeReplicationGroup{
		TypeMeta: group.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: group.Namespace, Name: group.Name, UID: group.UID, ResourceVersion: group.ResourceVersion, Generation: group.Generation,
			CreationTimestamp: group.CreationTimestamp, DeletionTimestamp: group.DeletionTimestamp,
			Annotations: map[string]string{annotationApart: "true"},
		},
		Spec:   v1alpha1.VolumeReplicationGroupSpec{ReplicationState: group.Spec.ReplicationState},
		Status: v1alpha1.VolumeReplicationGroupStatus{State: group.Status.State},
	}
	for _, key := range []string{
		exchange.AnnotationNamespace, exchange.AnnotationName, exchange.AnnotationDRPC, exchange.AnnotationEpoch, exchange.AnnotationOrigin,
		exchange.AnnotationWishUID, v1alpha1.AnnotationDRPCUID,
	} {
		if value := group.Annotations[key]; value != "" && len(value) <= maxText {
			out.Annotations[key] = strings.Clone(value)
		}
	}
	if e := group.Status.Exchange; e != nil && len(e.WishUID)+len(e.Origin)+len(e.ClusterID)+len(e.SpokeUID)+len(e.SpokeResourceVersion) <= maxText {
		out.Status.Exchange = e
	}
	out.Status.ProtectedPVCs = labelings(group.Status.ProtectedPVCs)
	return out
}

// labelings are the namespaces and labels of volumes, each once and without names, by which applications that select one of them
// are found. The volumes of an application mostly have the same ones; of too many different ones the first are kept.
func labelings(volumes []v1alpha1.ProtectedPVC) []v1alpha1.ProtectedPVC {
	var out []v1alpha1.ProtectedPVC
	room, seen := maxText, map[string]bool{}
	for i := range volumes {
		text, err := json.Marshal(volumes[i].Labels)
		id := volumes[i].Namespace + string(text)
		if err != nil || seen[id] {
			continue
		}
		if room -= len(id); room < 0 {
			break
		}
		seen[id] = true
		one := v1alpha1.ProtectedPVC{Namespace: strings.Clone(volumes[i].Namespace), Labels: make(map[string]string, len(volumes[i].Labels))}
		for key, value := range volumes[i].Labels {
			one.Labels[strings.Clone(key)] = strings.Clone(value)
		}
		out = append(out, one)
	}
	return out
}
