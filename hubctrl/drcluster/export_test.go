// SPDX-License-Identifier: Apache-2.0

package drcluster

// What the tests outside of this package need of it.
const QuotaAgain = quotaAgain

// These, too.
var (
	NewReconciler = newReconciler
	ConcernsAll   = concernsAll
	Counted       = counted
)
