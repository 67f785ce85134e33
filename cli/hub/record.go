// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/cli/view"
)

// recordPrefix begins the names of the ConfigMaps that hold site failovers; the name of the cluster follows.
const recordPrefix = "site-failover-"

// recordKey is the key of the record in its ConfigMap.
const recordKey = "siteFailover"

// Record is the record of the last site failover of a cluster. It lies on the hub, beside the controller's configuration, and
// outlives the command that carries it out. Each version is written over the one that was read, so that of two commands only one
// goes on.
type Record struct {
	Site *view.Site

	hub  *Hub
	held *corev1.ConfigMap // as it was read or written last; without a resource version: it does not exist
}

// Record reads the record of a cluster; its Site is nil if there is none.
func (h *Hub) Record(ctx context.Context, from string) (*Record, error) {
	out := &Record{hub: h, held: &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: h.system, Name: recordPrefix + from}}}
	switch err := h.Get(ctx, client.ObjectKeyFromObject(out.held), out.held); {
	case apierrors.IsNotFound(err):
		return out, nil
	case err != nil:
		return nil, fmt.Errorf("read the record of the site failover: %w", err)
	}
	out.Site = &view.Site{}
	if err := json.Unmarshal([]byte(out.held.Data[recordKey]), out.Site); err != nil {
		return nil, fmt.Errorf("read the record of the site failover in ConfigMap %s/%s: %w", h.system, out.held.Name, err)
	}
	if got := out.Site.APIVersion; got != view.Version || out.Site.From != from {
		return nil, fmt.Errorf("the record of the site failover in ConfigMap %s/%s is of version %q and of cluster %q: this command writes %q", h.system, out.held.Name, got, out.Site.From, view.Version)
	}
	return out, nil
}

// Save writes the record over the version that was read or written last. It returns a conflict (of apierrors) if somebody else
// wrote it since.
func (r *Record) Save(ctx context.Context) error {
	raw, err := json.Marshal(r.Site)
	if err != nil {
		return fmt.Errorf("write the record of the site failover: %w", err)
	}
	next := r.held.DeepCopy()
	next.Labels = map[string]string{"app.kubernetes.io/managed-by": Owner}
	next.Data = map[string]string{recordKey: string(raw)}
	if next.ResourceVersion == "" {
		err = r.hub.Create(ctx, next, client.FieldOwner(Owner))
		if apierrors.IsAlreadyExists(err) {
			err = apierrors.NewConflict(corev1.Resource("configmaps"), next.Name, err)
		}
	} else {
		err = r.hub.Update(ctx, next, client.FieldOwner(Owner))
	}
	if err != nil {
		return fmt.Errorf("write the record of the site failover: %w", err)
	}
	r.held = next
	return nil
}

// Name is the namespace and the name of the ConfigMap.
func (r *Record) Name() string { return r.held.Namespace + "/" + r.held.Name }

// Me is who the API server takes the user for; empty: it does not say.
func (h *Hub) Me(ctx context.Context) string {
	review := &authenticationv1.SelfSubjectReview{}
	if err := h.Create(ctx, review); err != nil {
		return ""
	}
	return review.Status.UserInfo.Username
}
