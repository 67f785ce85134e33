// SPDX-License-Identifier: Apache-2.0

package status

import "github.com/ramendr/ramen-direct/spokectrl/archive"

// Done is what became of the steps of a plan.
type Done struct {
	Group    error         // the group step that failed
	Volumes  map[int]error // the step of each volume that failed
	Copies   map[int]error // the same of each copy
	Remains  map[int]error // and of each volume of an earlier term
	Stores   archive.Problems
	Objects  Objects // what became of the Kubernetes objects
	Released bool    // our finalizer is gone, and with it perhaps the group
}

// All are the errors that call for another try. Those of stores are not among them: they are tried again after a while.
func (a Done) All() []error {
	errs := []error{a.Group}
	for _, of := range []map[int]error{a.Volumes, a.Copies, a.Remains} {
		for _, err := range of {
			errs = append(errs, err)
		}
	}
	return errs
}
