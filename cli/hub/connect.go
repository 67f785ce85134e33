// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/grant"
)

// ReadSite reads what the hub knows about a cluster that is to be connected. server is the address by which its mirror is to reach the
// hub, in push mode the cluster; empty: that of the connection.
func ReadSite(ctx context.Context, h *Hub, name, server string, push bool) (*order.Site, error) {
	s := &order.Site{Name: name, Push: push, Namespace: h.system, Server: server}
	if server == "" && !push {
		s.Server = h.config.Host
	}
	s.Loopback = loopback(s.Server)
	if err := pushes(ctx, h, s); err != nil {
		return nil, err
	}
	if err := h.around(ctx, &s.Snapshot); err != nil {
		return nil, err
	}
	clusters := &v1alpha1.DRClusterList{}
	switch err := h.List(ctx, clusters); {
	case apierrors.IsNotFound(err):
		return nil, ErrNoHub
	case err != nil:
		return nil, fmt.Errorf("list DRClusters: %w", err)
	}
	s.Known = clusters.Items
	config, err := ramenconfig.Load(ctx, h, h.system, ramenconfig.HubConfigMap)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		s.Notes = append(s.Notes, fmt.Sprintf("it is not known which S3 profiles the hub has: %s", err))
	default:
		s.Profiles = []string{}
		for _, p := range config.S3StoreProfiles {
			s.Profiles = append(s.Profiles, p.S3ProfileName)
		}
	}
	s.Now = h.clock.Now()
	return s, nil
}

// pushes reads whether a mirror on the hub keeps the link, or could.
func pushes(ctx context.Context, h *Hub, s *order.Site) error {
	held := &corev1.Secret{}
	err := h.Get(ctx, client.ObjectKey{Namespace: h.system, Name: grant.SecretName(s.Name)}, held)
	s.Pushes = err == nil && grant.Push(s.Name, h.system).Gives(held)
	what := "Secret " + h.system + "/" + grant.SecretName(s.Name)
	if err == nil || apierrors.IsNotFound(err) {
		what = "Deployment " + h.system + "/" + mirrorPush
		err = h.Get(ctx, client.ObjectKey{Namespace: h.system, Name: mirrorPush}, &appsv1.Deployment{})
		s.PushMirror = err == nil
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	_, err = h.try(err, &s.Snapshot, what, "whether a mirror on the hub keeps the link")
	return err
}

// mirrorPush is the Deployment of the mirror that runs on the hub.
const mirrorPush = "mirror-push"

// loopback reports whether an address leads a machine to itself.
func loopback(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// Needs adds to a site who needs the cluster. A lack of rights is an error: what is not seen might need it.
func Needs(ctx context.Context, h *Hub, s *order.Site) error {
	policies := &v1alpha1.DRPolicyList{}
	if err := h.List(ctx, policies); err != nil {
		return fmt.Errorf("list DRPolicies: %w", err)
	}
	for i := range policies.Items {
		if p := &policies.Items[i]; slices.Contains(p.Spec.DRClusters, s.Name) {
			s.Policies = append(s.Policies, p.Name)
		}
	}
	all, err := h.applications(ctx, Selection{})
	if err != nil {
		return err
	}
	wished := map[string]bool{}
	for i := range all {
		if d := &all[i]; slices.Contains(s.Policies, d.Spec.DRPolicyRef.Name) {
			s.Applications = append(s.Applications, d.Namespace+"/"+d.Name)
			group := exchange.GroupOf(d)
			wished[exchange.ObjectName(group.Namespace, group.Name)] = true
		}
	}
	wishes := &v1alpha1.VolumeReplicationGroupList{}
	if err := h.List(ctx, wishes, client.InNamespace(exchange.Outbox(s.Name))); err != nil {
		return fmt.Errorf("list wishes for cluster %s: %w", s.Name, err)
	}
	for i := range wishes.Items {
		if w := &wishes.Items[i]; w.DeletionTimestamp.IsZero() && !wished[w.Name] {
			s.Wishes = append(s.Wishes, w.Name)
		}
	}
	slices.Sort(s.Policies)
	slices.Sort(s.Applications)
	slices.Sort(s.Wishes)
	return nil
}

// LookAt adds to a site what h, a connection to the cluster itself, shows of it.
func LookAt(ctx context.Context, h *Hub, s *order.Site) error {
	system := &corev1.Namespace{}
	if err := h.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return fmt.Errorf("read which cluster it is: %w", err)
	}
	s.Looked, s.Identity = true, string(system.UID)
	if s.Push {
		if s.Server == "" {
			s.Server = h.config.Host
		}
		s.Loopback = loopback(s.Server)
		held, err := ClusterSecret(ctx, h, s.Name)
		if err != nil {
			return err
		}
		s.Pulls = held != nil && grant.Pull(s.Name, h.system).Gives(held)
	}
	for _, part := range []struct {
		of client.Object
		is *bool
	}{{&corev1.Namespace{}, &s.Installed}, {&appsv1.Deployment{}, &s.Mirror}, {&corev1.ServiceAccount{}, &s.Account}} {
		key := client.ObjectKey{Namespace: h.system, Name: exchange.ServiceAccount}
		if _, system := part.of.(*corev1.Namespace); system {
			key = client.ObjectKey{Name: h.system}
		}
		err := h.Get(ctx, key, part.of)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("look at the cluster: %w", err)
		}
		*part.is = err == nil
	}
	return nil
}

// Identity waits until the hub has made what the tokens of the mirror of a cluster are of and bound to, and returns the UID of
// the latter; empty: it was deleted to take access back, and is made again later.
func Identity(ctx context.Context, h *Hub, cluster string) (types.UID, error) {
	inbox := exchange.Inbox(cluster)
	err := Follow(ctx, h, client.ObjectKey{Namespace: inbox, Name: exchange.ServiceAccount}, &corev1.ServiceAccountList{}, func(account *corev1.ServiceAccount) (bool, error) {
		return account != nil, nil
	})
	if err != nil {
		return "", err
	}
	return Binding(ctx, h, inbox)
}

// Binding is the UID of what the tokens of the mirror's account in a namespace are bound to; empty: it was deleted to take access
// back, and is made again later.
func Binding(ctx context.Context, h *Hub, namespace string) (types.UID, error) {
	bound := &corev1.Secret{}
	err := h.Get(ctx, client.ObjectKey{Namespace: namespace, Name: exchange.SecretCredential}, bound)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("read Secret %s/%s: %w", namespace, exchange.SecretCredential, err)
	}
	return bound.UID, nil
}

// ClusterSecret reads, from a cluster, the Secret by which its mirror reaches the hub; nil: there is none.
func ClusterSecret(ctx context.Context, h *Hub, cluster string) (*corev1.Secret, error) {
	held := &corev1.Secret{}
	switch err := h.Get(ctx, client.ObjectKey{Namespace: h.system, Name: grant.SecretName(cluster)}, held); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read Secret %s/%s: %w", h.system, grant.SecretName(cluster), err)
	}
	return held, nil
}

// PutSecret writes a Secret on a cluster over the one that is held there, if one is. The mirror writes it, too, when it renews its
// token: what it wrote meanwhile is written over.
func PutSecret(ctx context.Context, h *Hub, held, secret *corev1.Secret) error {
	for n := 1; ; n++ {
		var err error
		if held == nil {
			err = h.Create(ctx, secret.DeepCopy(), client.FieldOwner(Owner))
		} else {
			next := held.DeepCopy()
			if next.Labels == nil {
				next.Labels = map[string]string{}
			}
			maps.Copy(next.Labels, secret.Labels)
			next.Data = secret.Data
			err = h.Update(ctx, next, client.FieldOwner(Owner))
		}
		if err == nil {
			return nil
		}
		if n == attempts || !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			return fmt.Errorf("write Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
		now := &corev1.Secret{}
		getErr := h.Get(ctx, client.ObjectKeyFromObject(secret), now)
		switch {
		case apierrors.IsNotFound(getErr):
			held = nil
		case getErr != nil:
			return errors.Join(err, getErr)
		default:
			held = now
		}
	}
}

// Remove deletes the object that was looked at, and reports whether it was there; dry: only asks whether that would be allowed.
func Remove(ctx context.Context, h *Hub, o client.Object, dry bool) (bool, error) {
	uid := o.GetUID()
	var options []client.DeleteOption
	if uid != "" {
		options = append(options, client.Preconditions{UID: &uid})
	}
	if dry {
		options = append(options, client.DryRunAll)
	}
	err := h.Delete(ctx, o, options...)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("delete %s: %w", o.GetName(), err)
	}
	return true, nil
}
