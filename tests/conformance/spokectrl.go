// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

// The object store is in this process: both clusters' controllers are.
const (
	profile  = "conformance"
	endpoint = "https://memory.example.com"
	keyName  = "object-store"
	keyWord  = "conformance"
	// leaseOfSpokectrl is what a controller that is installed holds.
	leaseOfSpokectrl = "spokectrl.ramendr.openshift.io"
	groupDefinition  = "ramendr.openshift.io_volumereplicationgroups.yaml"
)

// server is the object store of both clusters.
func server() *mem.Server {
	s := mem.New()
	s.AddBucket(store.Config{Endpoint: endpoint, Bucket: profile, AccessKey: keyWord, SecretKey: keyWord})
	return s
}

// operator is the namespace of the controller's configuration.
func (o Options) operator() string { return o.Namespace + "-operator" }

// install makes what the controller needs on a cluster.
func (s *site) install(ctx context.Context) error {
	leases := &coordinationv1.LeaseList{}
	if err := s.client.List(ctx, leases); err != nil {
		return fmt.Errorf("list Leases: %w", err)
	}
	for _, l := range leases.Items {
		if l.Name == leaseOfSpokectrl && l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity != "" {
			return fmt.Errorf("spokectrl is installed in namespace %s, and two would answer each other: scale it to 0 and delete its Lease %s", l.Namespace, l.Name)
		}
	}
	if err := s.define(ctx); err != nil {
		return err
	}
	config, err := yaml.Marshal(ramenconfig.Config{S3StoreProfiles: []ramenconfig.S3StoreProfile{{
		S3ProfileName: profile, S3Bucket: profile, S3CompatibleEndpoint: endpoint, S3Region: "none", S3SecretRef: corev1.SecretReference{Name: keyName},
	}}})
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: s.options.operator(), Name: name}
	}
	for _, obj := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.options.operator()}},
		&corev1.ConfigMap{ObjectMeta: named(ramenconfig.SpokeConfigMap), Data: map[string]string{ramenconfig.Key: string(config)}},
		&corev1.Secret{ObjectMeta: named(keyName), StringData: map[string]string{store.SecretKeyAccess: keyWord, store.SecretKeySecret: keyWord}},
	} {
		if err := s.client.Create(ctx, obj); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create %T %s: %w", obj, obj.GetName(), err)
		}
	}
	return nil
}

// define makes the definition of groups, unless it is there, and waits until it is served.
func (s *site) define(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.options.Definitions, groupDefinition))
	if err != nil {
		return fmt.Errorf("read definition: %w", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(text, crd); err != nil {
		return fmt.Errorf("read definition: %w", err)
	}
	switch err := s.client.Create(ctx, crd); {
	case err == nil:
		s.defined = crd
	case !apierrors.IsAlreadyExists(err):
		return fmt.Errorf("create definition: %w", err)
	}
	return s.await(ctx, func(ctx context.Context) error {
		if err := s.client.Get(ctx, client.ObjectKeyFromObject(crd), crd); err != nil {
			return err
		}
		for _, c := range crd.Status.Conditions {
			if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
				return nil
			}
		}
		return errors.New("the definition of VolumeReplicationGroup is not served")
	})
}

// start runs the controller of a cluster until the context ends; ended gets its result.
func (s *site) start(ctx context.Context, open store.Opener) (ended <-chan error, err error) {
	options, err := vrg.ManagerOptions(s.options.operator())
	if err != nil {
		return nil, err
	}
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = new(true) // there are two
	options.GracefulShutdownTimeout = new(10 * time.Second)
	mgr, err := manager.New(s.config, options)
	if err != nil {
		return nil, fmt.Errorf("build controller: %w", err)
	}
	if err := vrg.Setup(mgr, vrg.Options{
		Archive:   &archive.Archive{Reader: mgr.GetAPIReader(), Open: open, Namespace: s.options.operator(), Clock: clock.RealClock{}},
		Providers: provider.Set{volrep.Provider{}},
		Signing:   &signing.Keeper{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: s.options.operator()},
		Clock:     clock.RealClock{}, Namespace: s.options.operator(),
	}); err != nil {
		return nil, err
	}
	out := make(chan error, 1)
	go func() { out <- mgr.Start(ctx) }()
	return out, nil
}
