// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Sizes are how much of what is bounded the reports of one cluster take.
type Sizes struct {
	// Quota of the inbox; nil: there is none.
	Quota *corev1.ResourceQuota
	// Reports in the inbox.
	Reports []Report
}

// Report is how large the report about one group is.
type Report struct {
	Group   types.NamespacedName
	Volumes int
	// Bytes of it as JSON, which is how etcd stores it.
	Bytes int
}

const (
	// nearly is from which share of a bound on there is a warning: time is left to act.
	nearly = 0.8
	// largest is how many bytes an object may have: etcd's --max-request-bytes, 1.5 MiB by default, for a write as a whole.
	largest = 1536 << 10
)

// sizes checks how near the reports of a cluster are to what their inbox, and a group, can hold.
func (r *report) sizes(h *Hub, cluster string) {
	const room, fit = "its inbox has room for more reports", "its groups are small enough to be reported"
	if !r.known(pageSecurity, room, h.Sizes.Unknown) || !r.known(pageSecurity, fit, h.Sizes.Unknown) {
		return
	}
	s := h.Sizes.Value[cluster]
	result, full := left(s.Quota)
	r.is(result, pageSecurity, room, full)
	worst := view.CheckWarning
	var large []string
	slices.SortFunc(s.Reports, func(a, b Report) int {
		return cmp.Or(cmp.Compare(b.Volumes, a.Volumes), cmp.Compare(a.Group.String(), b.Group.String()))
	})
	for _, o := range s.Reports {
		share := max(float64(o.Volumes)/exchange.MaxVolumes, float64(o.Bytes)/largest)
		if share < nearly {
			continue
		}
		if share >= 1 {
			worst = view.CheckError
		}
		large = append(large, fmt.Sprintf("%s has %d volumes of at most %d, in %d KiB of at most %d", o.Group, o.Volumes, exchange.MaxVolumes, o.Bytes>>10, largest>>10))
	}
	why := ""
	if large != nil {
		why = some(large) + ". Divide such an application into several"
	}
	r.is(worst, pageSecurity, fit, why)
}

// left says what is wrong with what is left of a quota, and how bad that is; empty: nothing.
func left(q *corev1.ResourceQuota) (view.CheckResult, string) {
	if q == nil {
		return view.CheckWarning, "there is no ResourceQuota, so nothing bounds what the cluster may write there"
	}
	for _, name := range slices.Sorted(maps.Keys(q.Spec.Hard)) {
		hard := q.Spec.Hard[name]
		used, counted := q.Status.Used[name]
		switch {
		case !counted:
			return view.CheckUnknown, fmt.Sprintf("kube-controller-manager has not counted %s yet", name)
		case used.Cmp(hard) >= 0:
			return view.CheckError, fmt.Sprintf("%s are %s of %s: the hub accepts no new one", name, used.String(), hard.String())
		case used.AsApproximateFloat64() >= nearly*hard.AsApproximateFloat64():
			return view.CheckWarning, fmt.Sprintf("%s are %s of %s", name, used.String(), hard.String())
		}
	}
	return view.CheckSuccess, ""
}
