// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/grant"
)

// patience is how long a hub is asked whether it answers.
const patience = 5 * time.Second

// ReadSurvivor looks at a cluster, to which h is a connection by the context at, and asks whether its hub is there. The credentials of the mirror are
// not used: an answer is an answer, be it a refusal.
func ReadSurvivor(ctx context.Context, h *Hub, at string, key client.ObjectKey) (*order.Survivor, error) {
	group := &v1alpha1.VolumeReplicationGroup{}
	switch err := h.Get(ctx, key, group); {
	case apierrors.IsNotFound(err):
		return nil, &absent{fmt.Sprintf("there is no VolumeReplicationGroup %s in namespace %s of the cluster: name the namespace with -n; kubectl --context %s get vrg -A lists all", key.Name, key.Namespace, at), err}
	case err != nil:
		return nil, fmt.Errorf("read VolumeReplicationGroup: %w", err)
	}
	s, err := readAround(ctx, h)
	if err != nil {
		return nil, err
	}
	s.Group, s.Cluster = group, group.Annotations[v1alpha1.AnnotationDestinationCluster]
	return s, nil
}

// ReadSurvivors is ReadSurvivor for all groups of the cluster, or of a namespace of it; the survivor itself names none.
func ReadSurvivors(ctx context.Context, h *Hub, namespace string) (*order.Survivor, []v1alpha1.VolumeReplicationGroup, error) {
	var groups []v1alpha1.VolumeReplicationGroup
	err := eachPage(ctx, h, namespace, &v1alpha1.VolumeReplicationGroupList{}, func(g *v1alpha1.VolumeReplicationGroup) {
		_, boxed := exchange.ClusterOf(g.Namespace) // of a hub on the same cluster
		if !boxed {
			groups = append(groups, *g)
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list VolumeReplicationGroups: %w", err)
	}
	s, err := readAround(ctx, h)
	return s, groups, err
}

// readAround looks at what is the same for all groups of a cluster.
func readAround(ctx context.Context, h *Hub) (*order.Survivor, error) {
	s := &order.Survivor{}
	system := &corev1.Namespace{}
	if err := h.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return nil, fmt.Errorf("read which cluster it is: %w", err)
	}
	s.Identity = string(system.UID)
	mirror := &appsv1.Deployment{}
	if err := h.Get(ctx, client.ObjectKey{Namespace: h.system, Name: "mirror"}, mirror); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("look whether the mirror is connected: %w", err)
	}
	// The replica that keeps the link is ready while that is live; the others always are.
	if n := mirror.Spec.Replicas; mirror.Name != "" {
		s.Traced = true
		s.LinkLive = mirror.Status.ReadyReplicas > 0 && (n == nil || mirror.Status.ReadyReplicas >= *n)
	}
	ways := &corev1.SecretList{}
	err := h.List(ctx, ways, client.InNamespace(h.system), client.HasLabels{exchange.LabelCluster})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("look where the hub is: %w", err)
	}
	for i := range ways.Items {
		at, err := grant.Address(&ways.Items[i])
		if err != nil {
			continue // it leads nowhere
		}
		s.Traced = true
		if answers(ctx, at) {
			s.HubAnswers = at.Host
		}
	}
	s.Now = h.clock.Now()
	return s, ctx.Err()
}

// answers reports whether an API server answers anything at all.
func answers(ctx context.Context, at *rest.Config) bool {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	c, err := rest.HTTPClientFor(at)
	if err != nil {
		return false
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(at.Host, "/")+"/readyz", nil)
	if err != nil {
		return false
	}
	got, err := c.Do(ask)
	if err != nil {
		return false
	}
	_ = got.Body.Close()
	return true
}

// PromoteGroup writes a patch over the group that was looked at; dry: the API server says whether it would accept that.
func PromoteGroup(ctx context.Context, h *Hub, key client.ObjectKey, patch []byte, dry bool) error {
	g := &v1alpha1.VolumeReplicationGroup{}
	g.Namespace, g.Name = key.Namespace, key.Name
	options := []client.PatchOption{client.FieldOwner(Owner)}
	if dry {
		options = append(options, client.DryRunAll)
	}
	if err := h.Patch(ctx, g, client.RawPatch(types.MergePatchType, patch), options...); err != nil {
		return fmt.Errorf("write VolumeReplicationGroup: %w", err)
	}
	return nil
}
