// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// labelStoreKeys marks the Secret wishes of this package in an outbox; others keep their own Secrets there.
const labelStoreKeys = "ramendr.openshift.io/s3-profile-keys"

// Velero reads keys from a credentials file of AWS in a Secret of its own namespace; the names are Ramen's.
const (
	veleroPrefix = "v"
	veleroKey    = "ramengenerated"
)

// secretWishes keeps the Secrets that are wished in the outboxes of clusters.
type secretWishes struct {
	client            client.Client
	live              client.Reader
	apply             apply.Applier
	namespace, origin string // of the operator, and of this hub
}

// distribute keeps the keys of every S3 profile that the cluster needs as Secret wishes in its outbox: those of all
// clusters of its policies, for a cluster reads what its peer stored. Wishes that are no longer needed go, and the copies on the
// cluster with them, as soon as no VolumeReplicationGroup that is wished there, or being removed from there, needs them. If
// somebody else is to distribute the keys, the copies stay.
//
// A profile whose Secret can't be read is left as it is: the DRCluster that uses the profile says what is wrong.
func (w *secretWishes) distribute(ctx context.Context, cluster string, now seen) error {
	if now.configErr != nil {
		return nil //nolint:nilerr // unknown is not "no profiles"; checkBucket says what is wrong
	}
	have, err := w.keyWishes(ctx, cluster)
	if err != nil {
		return err
	}
	if !ramenconfig.Enabled(now.config.DrClusterOperator.S3SecretDistributionEnabled) {
		return w.handOver(ctx, have)
	}
	profiles, err := w.profilesInUse(ctx, cluster)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	complete := true
	var errs []error
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(profiles, now.profiles...)))) {
		profile, err := now.config.Profile(name)
		if err != nil {
			complete = false
			continue
		}
		wishes, err := w.wishKeys(ctx, cluster, profile, now.config, have)
		switch {
		case store.ReasonOf(err) != store.ReasonError: // the profile or its Secret is not as it should be
			complete = false
		case err != nil:
			errs = append(errs, err)
		}
		for _, wish := range wishes {
			wanted[wish] = true
		}
	}
	if err := errors.Join(errs...); !complete || err != nil {
		return err
	}
	return w.prune(ctx, have, wanted)
}

// wishKeys keeps the keys of one profile in the outbox and returns the names of the wishes.
func (w *secretWishes) wishKeys(ctx context.Context, cluster string, profile ramenconfig.S3StoreProfile, config *ramenconfig.Config, have []corev1.Secret) ([]string, error) {
	keys, err := store.FromProfile(ctx, w.live, w.namespace, profile)
	if err != nil {
		return nil, err
	}
	name := profile.S3SecretRef.Name
	intents := []*corev1ac.SecretApplyConfiguration{
		w.secretWish(cluster, config.DrClusterOperator.NamespaceName, name).WithData(map[string][]byte{
			store.SecretKeyAccess: []byte(keys.AccessKey),
			store.SecretKeySecret: []byte(keys.SecretKey),
		}),
	}
	if velero := config.KubeObjectProtection.VeleroNamespaceName; velero != "" && !ramenconfig.On(config.KubeObjectProtection.Disabled) {
		intents = append(intents, w.secretWish(cluster, velero, veleroPrefix+name).WithData(map[string][]byte{
			veleroKey: []byte(fmt.Sprintf("[default]\n  aws_access_key_id = %s\n  aws_secret_access_key = %s\n", keys.AccessKey, keys.SecretKey)),
		}))
	}
	var wishes []string
	for _, intent := range intents {
		if err := w.revive(ctx, have, *intent.Name); err != nil {
			return nil, err
		}
		if _, err := w.apply.Kept(ctx, w.live, intent); err != nil {
			return nil, fmt.Errorf("wish the keys of S3 profile %s for cluster %s: %w", profile.S3ProfileName, cluster, err)
		}
		wishes = append(wishes, *intent.Name)
	}
	return wishes, nil
}

// secretWish is the wish for a Secret on cluster, without its data.
func (w *secretWishes) secretWish(cluster, namespace, name string) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(exchange.ObjectName(namespace, name), exchange.Outbox(cluster)).
		WithLabels(created()).
		WithLabels(map[string]string{labelStoreKeys: "true"}).
		WithFinalizers(exchange.FinalizerWish).
		WithAnnotations(map[string]string{
			exchange.AnnotationNamespace: namespace,
			exchange.AnnotationName:      name,
			exchange.AnnotationOrigin:    w.origin,
		}).
		WithType(corev1.SecretTypeOpaque)
}

// prune deletes the wishes for keys that nobody wants any more.
func (w *secretWishes) prune(ctx context.Context, have []corev1.Secret, wanted map[string]bool) error {
	var errs []error
	for i := range have {
		if s := &have[i]; !wanted[s.Name] && s.DeletionTimestamp.IsZero() {
			errs = append(errs, apply.Delete(ctx, w.client, s))
		}
	}
	return errors.Join(errs...)
}

// keyWishes are the wishes for keys in the outbox of a cluster.
func (w *secretWishes) keyWishes(ctx context.Context, cluster string) ([]corev1.Secret, error) {
	list := &corev1.SecretList{}
	if err := w.live.List(ctx, list, client.InNamespace(exchange.Outbox(cluster)), client.MatchingLabels{labelStoreKeys: "true"}); err != nil {
		return nil, fmt.Errorf("list Secrets in the outbox of cluster %s: %w", cluster, err)
	}
	return list.Items, nil
}
