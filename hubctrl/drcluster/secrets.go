// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/store"
)

// labelStoreKeys marks the Secret wishes of this package in an outbox; others keep their own Secrets there.
const labelStoreKeys = "ramendr.openshift.io/s3-profile-keys"

// Velero reads keys from a credentials file of AWS in a Secret of its own namespace; the names are Ramen's.
const (
	veleroPrefix = "v"
	veleroKey    = "ramengenerated"
)

// distribute keeps the keys of every S3 profile that the cluster needs as Secret wishes in its outbox: those of all
// clusters of its policies, for a cluster reads what its peer stored. Wishes that are no longer needed go; the copy on
// the cluster stays, since a VolumeReplicationGroup that is being deleted there may still need it.
//
// A profile whose Secret can't be read is left as it is: the DRCluster that uses the profile says what is wrong.
func (r *Reconciler) distribute(ctx context.Context, cluster string, now seen) error {
	if now.configErr != nil {
		return nil //nolint:nilerr // unknown is not "no profiles"; checkBucket says what is wrong
	}
	wanted := map[string]bool{}
	complete := true
	var errs []error
	if ramenconfig.Enabled(now.config.DrClusterOperator.S3SecretDistributionEnabled) {
		for _, name := range now.profiles {
			profile, err := now.config.Profile(name)
			if err != nil {
				complete = false
				continue
			}
			wishes, err := r.wishKeys(ctx, cluster, profile, now.config)
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
	}
	if !complete || errs != nil {
		return errors.Join(errs...)
	}
	return r.prune(ctx, cluster, wanted)
}

// wishKeys keeps the keys of one profile in the outbox and returns the names of the wishes.
func (r *Reconciler) wishKeys(ctx context.Context, cluster string, profile ramenconfig.S3StoreProfile, config *ramenconfig.Config) ([]string, error) {
	keys, err := store.FromProfile(ctx, r.live, r.options.Namespace, profile)
	if err != nil {
		return nil, err
	}
	name := profile.S3SecretRef.Name
	intents := []*corev1ac.SecretApplyConfiguration{
		r.secretWish(cluster, config.DrClusterOperator.NamespaceName, name).WithData(map[string][]byte{
			store.SecretKeyAccess: []byte(keys.AccessKey),
			store.SecretKeySecret: []byte(keys.SecretKey),
		}),
	}
	if velero := config.KubeObjectProtection.VeleroNamespaceName; velero != "" && !ramenconfig.On(config.KubeObjectProtection.Disabled) {
		intents = append(intents, r.secretWish(cluster, velero, veleroPrefix+name).WithData(map[string][]byte{
			veleroKey: []byte(fmt.Sprintf("[default]\n  aws_access_key_id = %s\n  aws_secret_access_key = %s\n", keys.AccessKey, keys.SecretKey)),
		}))
	}
	var wishes []string
	for _, intent := range intents {
		if _, err := r.apply.Kept(ctx, r.live, intent); err != nil {
			return nil, fmt.Errorf("wish the keys of S3 profile %s for cluster %s: %w", profile.S3ProfileName, cluster, err)
		}
		wishes = append(wishes, *intent.Name)
	}
	return wishes, nil
}

// secretWish is the wish for a Secret on cluster, without its data.
func (r *Reconciler) secretWish(cluster, namespace, name string) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(exchange.ObjectName(namespace, name), exchange.Outbox(cluster)).
		WithLabels(created()).
		WithLabels(map[string]string{labelStoreKeys: "true"}).
		WithAnnotations(map[string]string{
			exchange.AnnotationNamespace: namespace,
			exchange.AnnotationName:      name,
			exchange.AnnotationOrigin:    r.options.Origin,
		}).
		WithType(corev1.SecretTypeOpaque)
}

// prune deletes the wishes for keys that nobody wants any more.
func (r *Reconciler) prune(ctx context.Context, cluster string, wanted map[string]bool) error {
	list := &corev1.SecretList{}
	err := r.live.List(ctx, list, client.InNamespace(exchange.Outbox(cluster)), client.MatchingLabels{labelStoreKeys: "true"})
	if err != nil {
		return fmt.Errorf("list Secrets in the outbox of cluster %s: %w", cluster, err)
	}
	var errs []error
	for i := range list.Items {
		s := &list.Items[i]
		if wanted[s.Name] || !s.DeletionTimestamp.IsZero() {
			continue
		}
		errs = append(errs, apply.Delete(ctx, r.client, s))
	}
	return errors.Join(errs...)
}
