// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

const (
	claimName = "data"
	groupName = "conformance"
	podName   = "tokens"
)

// appLabels select the claims of the application.
func appLabels() map[string]string { return map[string]string{"app": "conformance"} }

// site is one cluster.
type site struct {
	name    string
	config  *rest.Config
	client  client.Client // reads from the API server
	options Options
	class   *replicationv1.VolumeReplicationClass
	defined *apiextensionsv1.CustomResourceDefinition // nil: it was there
}

// open connects to a cluster and checks what was named.
func open(ctx context.Context, c Cluster, o Options) (*site, error) {
	scheme, err := vrg.Scheme()
	if err != nil {
		return nil, err
	}
	s := &site{name: c.Name, config: rest.CopyConfig(c.Config), options: o, class: &replicationv1.VolumeReplicationClass{}}
	s.config.QPS = -1
	if s.client, err = client.New(s.config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	class := &storagev1.StorageClass{}
	if err := s.client.Get(ctx, client.ObjectKey{Name: o.StorageClass}, class); err != nil {
		return nil, fmt.Errorf("cluster %s: read StorageClass %s: %w", c.Name, o.StorageClass, err)
	}
	if err := s.client.Get(ctx, client.ObjectKey{Name: o.ReplicationClass}, s.class); err != nil {
		return nil, fmt.Errorf("cluster %s: read VolumeReplicationClass %s: %w", c.Name, o.ReplicationClass, err)
	}
	if s.class.Spec.Provisioner != class.Provisioner {
		return nil, fmt.Errorf("cluster %s: VolumeReplicationClass %s is of provisioner %s, StorageClass %s of %s: name two of one provisioner",
			c.Name, o.ReplicationClass, s.class.Spec.Provisioner, o.StorageClass, class.Provisioner)
	}
	return s, nil
}

// await looks until what is wanted is so; the error is what was wrong last.
func (s *site) await(ctx context.Context, want func(context.Context) error) error {
	return await(ctx, s.options.Look, want)
}

func await(ctx context.Context, look time.Duration, want func(context.Context) error) error {
	var last error
	if err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		if err := want(ctx); err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false, nil
		}
		return true, nil
	}); err != nil {
		if last != nil {
			return last
		}
		return fmt.Errorf("nothing was answered: %w", err)
	}
	return nil
}

// house makes the namespace of an application.
func (s *site) house(ctx context.Context, namespace string) error {
	err := s.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("cluster %s has a namespace %s: another run left it, delete it", s.name, namespace)
	}
	return err
}

// claim makes the claim of the application.
func (s *site) claim(ctx context.Context, namespace string, from *corev1.TypedLocalObjectReference, name string) error {
	size, err := resource.ParseQuantity(s.options.Size)
	if err != nil {
		return fmt.Errorf("size %q: %w", s.options.Size, err)
	}
	return s.client.Create(ctx, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: appLabels()},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &s.options.StorageClass, DataSource: from,
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
		},
	})
}

// write lets a Pod append a word to the volume of a claim, and returns all words that are there.
func (s *site) write(ctx context.Context, namespace, claim, word string) ([]string, error) {
	container := s.options.Tokens(word)
	container.VolumeMounts = []corev1.VolumeMount{{Name: claimName, MountPath: "/data"}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: podName},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyOnFailure, Containers: []corev1.Container{container},
			Volumes: []corev1.Volume{{Name: claimName, VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			}}},
		},
	}
	if err := s.client.Create(ctx, pod); err != nil {
		return nil, fmt.Errorf("create Pod: %w", err)
	}
	key := client.ObjectKeyFromObject(pod)
	if err := s.await(ctx, func(ctx context.Context) error {
		if err := s.client.Get(ctx, key, pod); err != nil {
			return err
		}
		if pod.Status.Phase != corev1.PodSucceeded {
			return fmt.Errorf("the Pod that writes on %s is %s: %s", s.name, pod.Status.Phase, why(pod))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var words []string
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			words = strings.Fields(c.State.Terminated.Message)
		}
	}
	if err := s.client.Delete(ctx, pod); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("delete Pod: %w", err)
	}
	return words, s.gone(ctx, pod)
}

// why is what keeps a Pod from running.
func why(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.State.Waiting != nil:
			return c.State.Waiting.Reason + " " + c.State.Waiting.Message
		case c.State.Terminated != nil:
			return c.State.Terminated.Reason + " " + c.State.Terminated.Message
		}
	}
	return pod.Status.Message
}

// gone waits until an object is not there.
func (s *site) gone(ctx context.Context, obj client.Object) error {
	return s.await(ctx, func(ctx context.Context) error {
		switch err := s.client.Get(ctx, client.ObjectKeyFromObject(obj), obj); {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("%T %s is still on %s, held by %s", obj, client.ObjectKeyFromObject(obj), s.name, strings.Join(obj.GetFinalizers(), ", "))
	})
}

// replication is the VolumeReplication of the claim; nil: there is none.
func (s *site) replication(ctx context.Context, namespace string) (*replicationv1.VolumeReplication, error) {
	vr := &replicationv1.VolumeReplication{}
	err := s.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: claimName}, vr)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return vr, err
}

// describe is what a cluster has of an application, in one line.
func (s *site) describe(ctx context.Context, namespace string) string {
	vr, err := s.replication(ctx, namespace)
	if err != nil {
		return fmt.Sprintf("%s: %v", s.name, err)
	}
	claim := &corev1.PersistentVolumeClaim{}
	switch err := s.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: claimName}, claim); {
	case apierrors.IsNotFound(err):
		claim = nil
	case err != nil:
		return fmt.Sprintf("%s: %v", s.name, err)
	}
	return described(s, claim, vr)
}
