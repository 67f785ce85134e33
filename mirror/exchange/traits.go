// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

const (
	// MaxNamespaces is how many namespaces of one group a report describes, and the hub believes (X16).
	MaxNamespaces = 100
	// maxTrait is how many bytes the value of a label or annotation of a namespace may have, to be reported. All namespaces of a
	// group are a part of one object.
	maxTrait = 253

	labelPodSecurity = "pod-security.kubernetes.io/"
)

// IsTraitLabel reports whether workloads depend on a label of a namespace: on the level of Pod Security, and on whether
// OpenShift sets that itself.
func IsTraitLabel(key string) bool {
	mode, of := strings.CutPrefix(key, labelPodSecurity)
	return of && slices.Contains([]string{"enforce", "audit", "warn"}, strings.TrimSuffix(mode, "-version")) || key == "security.openshift.io/scc.podSecurityLabelSync"
}

// IsTraitAnnotation reports whether workloads depend on an annotation of a namespace: on the users, groups and SELinux levels
// that OpenShift lets them run as, which own the files in volumes, and on whether the movers of VolSync may run privileged.
func IsTraitAnnotation(key string) bool {
	return slices.Contains([]string{
		"openshift.io/sa.scc.mcs", "openshift.io/sa.scc.supplemental-groups", "openshift.io/sa.scc.uid-range", "volsync.backube/privileged-movers",
	}, key)
}

// TraitsOf is what is reported of a namespace.
func TraitsOf(ns *corev1.Namespace) v1alpha1.NamespaceTraits {
	return v1alpha1.NamespaceTraits{Name: ns.Name, Labels: picked(ns.Labels, IsTraitLabel), Annotations: picked(ns.Annotations, IsTraitAnnotation)}
}

// BoundedTraits is what of a reported namespace is believed (X16).
func BoundedTraits(t v1alpha1.NamespaceTraits) v1alpha1.NamespaceTraits {
	t.Labels, t.Annotations = picked(t.Labels, IsTraitLabel), picked(t.Annotations, IsTraitAnnotation)
	return t
}

func picked(from map[string]string, is func(string) bool) map[string]string {
	out := maps.Clone(from)
	maps.DeleteFunc(out, func(k, v string) bool {
		return !is(k) || len(v) > maxTrait || strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' })
	})
	if len(out) == 0 {
		return nil
	}
	return out
}
