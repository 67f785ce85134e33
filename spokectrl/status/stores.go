// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

func (s Pass) clusterDataProtected() provider.Finding {
	switch {
	case s.Facts.Role == plan.Secondary || s.Facts.Ending:
		return yes(reasonUnused, "nothing to store in this role")
	case s.Forlorn():
		return no(reasonUploadError, s.MessageForlorn())
	case len(s.Profiles()) == 0:
		return no(reasonUploadError, "spec.s3Profiles names no store: add one to the policy's clusters")
	case s.Done.Stores.Err() != nil:
		return no(reasonUploadError, s.Done.Stores.Err().Error()+lostStores(s.Done.Stores))
	case s.unaddressed() != "":
		return no(reasonUploading, s.unaddressed())
	case s.Facts.Archived, s.Done.Stores != nil:
		return yes(reasonUploaded, fmt.Sprintf("stored in %s", strings.Join(s.Profiles(), ", "))+s.GivenUp())
	case !s.restored():
		return no(reasonUploading, "the restore of the stored metadata comes first")
	default:
		return no(reasonUploading, "not stored yet")
	}
}

// lostStores tells how to give up the stores that seem to be lost; empty if none does.
func lostStores(problems archive.Problems) string {
	var lost []string
	for name, err := range problems {
		if err != nil && store.Lost(err) {
			lost = append(lost, name)
		}
	}
	if lost == nil {
		return ""
	}
	slices.Sort(lost)
	return fmt.Sprintf(". If a store is lost for good, give it up on the hub: kubectl annotate --overwrite drcluster <its cluster> %s=%s",
		v1alpha1.AnnotationAbandonStore, strings.Join(lost, ","))
}

// unaddressed names the volumes that the peer would not find by what is stored of them; empty: there are none.
func (s Pass) unaddressed() string {
	var messages []string
	for i, v := range s.Volumes {
		if why := unaddressed(s, i); why != "" {
			messages = append(messages, "claim "+v.Item.Title(s.VRG.Namespace)+": "+why)
		}
	}
	return bounded.Messages(messages)
}
