// SPDX-License-Identifier: Apache-2.0

package modes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Mode is the maintenance mode Failover of what one driver calls by one id: a storage, or a pairing of two.
type Mode struct{ Provisioner, TargetID string }

// Name of the MaintenanceMode. It is a hash of both: two drivers may use the same id, and an id need not be a name.
func (m Mode) Name() string {
	sum := sha256.Sum256([]byte(m.Provisioner + "\x00" + m.TargetID))
	return "failover-" + hex.EncodeToString(sum[:16])
}

// sorted orders modes and drops duplicates.
func sorted(modes []Mode) []Mode {
	slices.SortFunc(modes, func(a, b Mode) int {
		return cmp.Or(strings.Compare(a.Provisioner, b.Provisioner), strings.Compare(a.TargetID, b.TargetID))
	})
	return slices.Compact(modes)
}

// Requests are the requests for modes. One that was made before stays as it is; a new one is made at the time now.
func Requests(modes []Mode, before []v1alpha1.MaintenanceModeRequest, now time.Time) []v1alpha1.MaintenanceModeRequest {
	var out []v1alpha1.MaintenanceModeRequest
	for _, m := range modes {
		request := v1alpha1.MaintenanceModeRequest{
			Name: m.Name(), StorageProvisioner: m.Provisioner, TargetID: m.TargetID, Modes: []v1alpha1.MMode{v1alpha1.MModeFailover},
			RequestedTime: metav1.NewMicroTime(now.Truncate(time.Microsecond)), // as an API server stores it
		}
		if was := find(before, m.Name(), requestName); was != nil {
			request.RequestedTime = was.RequestedTime
		}
		out = append(out, request)
	}
	return out
}

func requestName(r v1alpha1.MaintenanceModeRequest) string { return r.Name }

func answerName(a v1alpha1.MaintenanceModeAnswer) string { return a.Name }

func find[T any](list []T, name string, of func(T) string) *T {
	if i := slices.IndexFunc(list, func(o T) bool { return of(o) == name }); i >= 0 {
		return &list[i]
	}
	return nil
}
