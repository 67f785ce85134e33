// SPDX-License-Identifier: Apache-2.0

package vrg

import "sigs.k8s.io/controller-runtime/pkg/predicate"

// Edited is the predicate by which the controller sees what others wrote into a status.
func (r *Reconciler) Edited() predicate.Predicate { return edited(&r.own) }
