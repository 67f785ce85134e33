// SPDX-License-Identifier: Apache-2.0

package drpolicy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Bounds of what a cluster tells of itself (X16): it goes into the policy, and from there to both clusters.
const (
	maxClasses = 1000
	maxText    = 253 // bytes of an id, a driver, or the value of a label
)

// believed are the class facts within their bounds, and what is left out, in words.
func believed(cluster string, facts []v1alpha1.ClassFact) (kept []v1alpha1.ClassFact, ignored []string) {
	for i := range facts {
		f := &facts[i]
		switch why := exceeds(f); {
		case why != "":
			ignored = append(ignored, fmt.Sprintf("%s %s: %s", f.Kind, bounded.Text(f.Name, maxText), why))
		case len(kept) == maxClasses:
			return kept, append(ignored, fmt.Sprintf("all classes of %s after the first %d", cluster, maxClasses))
		default:
			kept = append(kept, *f)
		}
	}
	return kept, ignored
}

// exceeds says why a class fact is not believed; empty: it is.
func exceeds(f *v1alpha1.ClassFact) string {
	if len(validation.IsDNS1123Subdomain(f.Name)) > 0 {
		return "the name is invalid"
	}
	if len(f.Provisioner) > maxText {
		return "the name of its driver is too long"
	}
	for _, values := range []map[string]string{f.Labels, f.Parameters} {
		for _, v := range values {
			if len(v) > maxText {
				return "a label or parameter of it is too long"
			}
		}
	}
	return ""
}
