// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Labels of all objects that are made for a group. They are not those of the claims that it protects: what is made here
// is no volume of the application.
const (
	LabelOwnerNamespace = "volumereplicationgroups-owner-namespace"
	LabelOwnerName      = "volumereplicationgroups-owner"
)

const (
	// annotationVolume on a destination holds the volume as the hub described it: a promoting side is told nothing.
	annotationVolume = "volumereplicationgroups.ramendr.openshift.io/protected-pvc"
	// annotationClaim names the claim that an object stands for.
	annotationClaim = "volumereplicationgroups.ramendr.openshift.io/claim-name"
	// labelKeep tells VolSync to leave a snapshot alone.
	labelKeep = "volsync.backube/do-not-delete"

	keySuffix      = "-vs-secret"
	standInSuffix  = "-for-finalsync"
	receiverSuffix = "-received"
)

// KeySecret is the name of the Secret with the key that the movers of a group trust. It comes from the hub, and VolSync waits for
// it. Movers that run are started again if the name changes, and hold on to their key as long as it does not.
func KeySecret(g provider.Group) string {
	if g.VolSync.KeySecret != "" {
		return g.VolSync.KeySecret
	}
	return g.Name + keySuffix // of a hub that does not name it
}

func standInOf(name string) string { return name + standInSuffix }

func receiverOf(claim string) string { return claim + receiverSuffix }

// imageOf is the name of the snapshot that a side makes of what it received: one for each promotion.
func imageOf(claim string, epoch int64) string {
	return fmt.Sprintf("%s%s-%d", claim, receiverSuffix, epoch)
}

// Labels are those of all objects that are made for a group.
func Labels(g provider.Group) map[string]string {
	return map[string]string{
		LabelOwnerNamespace:          g.Namespace,
		LabelOwnerName:               g.Name,
		v1alpha1.LabelCreatedByRamen: "true",
	}
}

func owned(g provider.Group, o client.Object) bool {
	l := o.GetLabels()
	return l[LabelOwnerNamespace] == g.Namespace && l[LabelOwnerName] == g.Name
}

func same(p v1alpha1.ProtectedPVC, namespace, name string) bool {
	return p.Name == name && p.Namespace == namespace
}

// setMover adds what the user asks of the mover of a volume.
func setMover(tls map[string]any, g provider.Group, namespace, name string) error {
	for _, m := range g.VolSync.MoverConfig {
		if m.PVCNamespace != namespace || m.PVCName != name {
			continue
		}
		if c := m.MoverSecurityContext; c != nil {
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
			if err != nil {
				return fmt.Errorf("convert moverSecurityContext of claim %s/%s: %w", namespace, name, err)
			}
			tls["moverSecurityContext"] = content
		}
		if m.MoverServiceAccount != nil {
			tls["moverServiceAccount"] = *m.MoverServiceAccount
		}
	}
	return nil
}
