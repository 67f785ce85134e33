// SPDX-License-Identifier: Apache-2.0

package drpolicy

// NewReconciler is for the tests outside of this package.
var NewReconciler = newReconciler
