// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"fmt"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// repairable reports whether a manifest could not be read, and is not of a version of this program that writes others.
func repairable(err error) bool {
	return errors.Is(err, errBroken) && !errors.Is(err, capsule.ErrVersion)
}

// unbroken is what is written over instead of a manifest that can't be read, because of why: the one that was there when this process
// wrote or read it last; nil: none is known. What it lists is looked at before it is believed. A cluster that was promoted meanwhile
// writes its own again, and the hub has told this one.
func (a *Archive) unbroken(at place, why error, e extent) (*capsule.Manifest, error) {
	was := a.memory.know(at).manifest
	if was == nil && e == atLeast {
		// What left with the application is listed nowhere else, and would never be found again.
		return nil, fmt.Errorf("%w. What has left with the application is not known here any more: bring that version back, or let the application stay", why)
	}
	return was, nil
}
