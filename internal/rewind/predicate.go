// SPDX-License-Identifier: Apache-2.0

package rewind

import (
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Changed lets an update through if the generation of the object changed, or if what is there now does not follow from what
// was there. It takes the place of predicate.GenerationChangedPredicate, which does not see the latter.
func Changed() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, replaced())
}

// replaced lets an update through if what is there now does not follow from what was there: it is another object of the
// same name, made while nobody watched, or the same one as it was before. Either may have any generation, and a status that
// nobody wrote who is still alive.
func replaced() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		if e.ObjectOld == nil || e.ObjectNew == nil {
			return false
		}
		order, err := resourceversion.CompareResourceVersion(e.ObjectNew.GetResourceVersion(), e.ObjectOld.GetResourceVersion())
		return e.ObjectNew.GetUID() != e.ObjectOld.GetUID() || err == nil && order < 0
	}}
}
