// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var (
	secretResource  = corev1.SchemeGroupVersion.WithResource("secrets")
	clusterResource = v1alpha1.GroupVersion.WithResource("drclusters")
)

// known is what decides which links there are.
type known struct {
	secrets, clusters cache.SharedIndexInformer // clusters: nil in pull mode
}

// credentialOf is the way to the other end of a link.
type credentialOf struct {
	secret     string // name of the Secret
	version    string // its resource version
	kubeconfig []byte
}

// same reports whether a link need not be restarted.
func (c credentialOf) same(as credentialOf) bool {
	return c.secret == as.secret && bytes.Equal(c.kubeconfig, as.kubeconfig)
}

// exchanges is the token of c, and whether c has nothing else that before has not.
func (c credentialOf) exchanges(before credentialOf) (token string, only bool) {
	if c.secret != before.secret {
		return "", false
	}
	token, rest, err := credential.Split(c.kubeconfig)
	if err != nil {
		return "", false
	}
	was, restBefore, err := credential.Split(before.kubeconfig)
	return token, err == nil && token != "" && was != "" && bytes.Equal(rest, restBefore)
}

// watch keeps known up to date until ctx ends.
func (f *Fleet) watch(ctx context.Context, group *errgroup.Group) (*known, error) {
	client, err := dynamic.NewForConfig(f.options.Home)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", f.options.Home.Host, err)
	}
	labeled := func(o *metav1.ListOptions) { o.LabelSelector = exchange.LabelCluster }
	k := &known{secrets: dynamicinformer.NewFilteredDynamicInformer(client, secretResource, f.options.Namespace, 0, nil, labeled).Informer()}
	informers := []cache.SharedIndexInformer{k.secrets}
	if f.options.Mode == Push {
		k.clusters = dynamicinformer.NewFilteredDynamicInformer(client, clusterResource, "", 0, nil, nil).Informer()
		informers = append(informers, k.clusters)
	}
	for _, informer := range informers {
		handler, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { f.wake() }, UpdateFunc: func(any, any) { f.wake() }, DeleteFunc: func(any) { f.wake() },
		})
		if err != nil {
			return nil, fmt.Errorf("watch what decides about links: %w", err)
		}
		group.Go(func() error { informer.RunWithContext(ctx); return nil })
		group.Go(func() error {
			if cache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
				f.wake() // there may be nothing to tell of
			}
			return nil
		})
	}
	return k, nil
}

// complete reports whether all is known: before, what is missing could mean anything.
func (k *known) complete() bool {
	return k.secrets.HasSynced() && (k.clusters == nil || k.clusters.HasSynced())
}

// credentials are the credentials of all links that there are to be, by cluster. Of several Secrets for one cluster the
// oldest counts.
func (k *known) credentials(ctx context.Context) map[string]credentialOf {
	var secrets []*unstructured.Unstructured
	for _, o := range k.secrets.GetStore().List() {
		secrets = append(secrets, o.(*unstructured.Unstructured))
	}
	slices.SortFunc(secrets, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()))
	})
	out := map[string]credentialOf{}
	for _, s := range secrets {
		cluster := s.GetLabels()[exchange.LabelCluster]
		if k.clusters != nil {
			if _, exists, _ := k.clusters.GetStore().GetByKey(cluster); !exists {
				continue
			}
		}
		logger := log.FromContext(ctx).WithValues("cluster", cluster, "Secret", s.GetName())
		if first, taken := out[cluster]; taken {
			logger.Info("Ignoring Secret: there is an older one for this cluster", "older", first.secret)
			continue
		}
		encoded, _, _ := unstructured.NestedString(s.Object, "data", credential.Key)
		kubeconfig, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(kubeconfig) == 0 {
			logger.Info("Ignoring Secret: it has no key " + credential.Key)
			continue
		}
		out[cluster] = credentialOf{secret: s.GetName(), version: s.GetResourceVersion(), kubeconfig: kubeconfig}
	}
	return out
}

// store puts a renewed token into the Secret that c came from. The link shows it when the Secret has changed.
func (f *Fleet) store(ctx context.Context, c credentialOf, token string) error {
	kubeconfig, err := credential.WithToken(c.kubeconfig, token)
	if err != nil {
		return err
	}
	secrets := f.home.CoreV1().Secrets(f.options.Namespace)
	secret, err := secrets.Get(ctx, c.secret, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read Secret %s: %w", c.secret, err)
	}
	if !bytes.Equal(secret.Data[credential.Key], c.kubeconfig) {
		return nil // somebody replaced it meanwhile
	}
	secret.Data[credential.Key] = kubeconfig
	if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: "mirror-fleet"}); err != nil && !apierrors.IsConflict(err) {
		return credential.Unstored("Secret "+c.secret, string(apierrors.ReasonForError(err))) // the cause may quote it
	}
	return nil
}
