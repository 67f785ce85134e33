// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"encoding/json"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

const (
	rangeUsers  = "openshift.io/sa.scc.uid-range"
	rangeGroups = "openshift.io/sa.scc.supplemental-groups"
	rangeLevel  = "openshift.io/sa.scc.mcs"

	// leastID is the lowest user or group that is carried: those below are of the system.
	leastID = 65536
	// mostIDs is how many users or groups a namespace may get. OpenShift gives 10000.
	mostIDs = 100000
)

// level is an SELinux level of two categories, as OpenShift gives one to each namespace. One of more categories, or of none,
// could read what others wrote.
var level = regexp.MustCompile(`^s0:c[0-9]{1,4},c[0-9]{1,4}$`)

// IsRange reports whether an annotation of a namespace is one of OpenShift's ranges, and of the form in which OpenShift itself gives
// them out. What else a cluster may say would be a right that it should not get on the other one (X16).
func IsRange(key, value string) bool {
	switch key {
	case rangeUsers, rangeGroups:
		first, size, ok := strings.Cut(value, "/")
		from, err := strconv.ParseUint(first, 10, 31)
		count, bad := strconv.ParseUint(size, 10, 31)
		return ok && err == nil && bad == nil && from >= leastID && count > 0 && count <= mostIDs
	case rangeLevel:
		return level.MatchString(value)
	default:
		return false
	}
}

// Ranges are OpenShift's ranges of namespaces, by namespace and annotation.
type Ranges map[string]map[string]string

// RangesOf are those of the namespaces that are described.
func RangesOf(namespaces []v1alpha1.NamespaceTraits) Ranges {
	out := Ranges{}
	for _, t := range namespaces {
		if of := onlyRanges(t.Annotations); !t.Absent && len(of) > 0 {
			out[t.Name] = of
		}
	}
	return out
}

// ReadRanges reads what String wrote. What can't be read is nothing.
func ReadRanges(text string) Ranges {
	var out Ranges
	if json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	for name, of := range out {
		out[name] = onlyRanges(of)
	}
	return out
}

// String is the same for the same ranges; empty for none.
func (r Ranges) String() string {
	if len(r) == 0 {
		return ""
	}
	text, err := json.Marshal(r) // maps are sorted
	if err != nil {
		return ""
	}
	return string(text)
}

func onlyRanges(from map[string]string) map[string]string {
	out := maps.Clone(from)
	maps.DeleteFunc(out, func(key, value string) bool { return !IsRange(key, value) })
	return out
}
