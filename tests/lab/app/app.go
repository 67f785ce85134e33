// SPDX-License-Identifier: Apache-2.0

// Package app is the application that the lab protects: a Deployment that writes numbered records to a volume, the
// deployer that follows the decisions of its DRPlacementControl, and the count of what is there and what was lost. It
// stands for a user and a deployment tool: it speaks to the clusters as they would, and looks at bytes, never at status,
// to count.
package app

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
	"github.com/ramendr/ramen-direct/tests/lab/node"
)

// writeEvery is the time between two records.
const writeEvery = 50 * time.Millisecond

// Place is where an application lives: three clusters, called as those of the lab, and what their storage has on disk.
type Place interface {
	Cluster(name string) *lab.Cluster
	// DataDir is the folder that the storage drivers of all clusters share.
	DataDir() string
}

// App is one application.
type App struct {
	Namespace, Name string
	// Class is the StorageClass of its PVC.
	Class string
	// Spans are the namespaces of an application of several, of which this is one part; its DRPlacementControl, of the same
	// name, lies in lab.OpsNamespace. None: it lies with the application, which has one namespace.
	Spans []string
	// PartOf is the name of the application of the same namespace that this is a part of: it has the same DRPlacementControl,
	// which selects its PVC too. Empty: it is an application of its own.
	PartOf string
	// Dress changes the workload for a cluster whose Pods are real. Nil: they are not.
	Dress func(cluster string, d *appsv1.Deployment)
	// Witness is the file in which the writer on a cluster notes what was acknowledged, if it is not where the lab's node
	// puts it. Nil: it is.
	Witness func(cluster string) string
	lab     Place
	control watched

	mu      sync.Mutex
	volumes map[string]string // by cluster: handle of the volume on which it ran there last
}

// New describes an application of a place; nothing is made yet.
func New(l Place, namespace, name string) *App {
	return &App{Namespace: namespace, Name: name, Class: lab.StorageClass, lab: l, volumes: map[string]string{}}
}

// Key is the name of its Deployment and its PVC.
func (a *App) Key() client.ObjectKey { return client.ObjectKey{Namespace: a.Namespace, Name: a.Name} }

// DRPC is the name of its DRPlacementControl, and of its group on the clusters.
func (a *App) DRPC() client.ObjectKey {
	if len(a.Spans) > 0 {
		return client.ObjectKey{Namespace: lab.OpsNamespace, Name: a.Name}
	}
	return client.ObjectKey{Namespace: a.Namespace, Name: cmp.Or(a.PartOf, a.Name)}
}

func (a *App) labels() map[string]string { return map[string]string{"app": a.Name} }

// selected are the labels of its PVC.
func (a *App) selected() map[string]string {
	return map[string]string{"app": cmp.Or(a.PartOf, a.Name)}
}

// Home is the namespace of the application.
func (a *App) Home() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: a.Namespace}}
}

// Protect makes the namespace and the DRPlacementControl on the hub, as a user would.
func (a *App) Protect(ctx context.Context, preferred string) error {
	hub := a.lab.Cluster(lab.Hub).Client
	if err := ensureNamespace(ctx, hub, a.DRPC().Namespace); err != nil {
		return err
	}
	drpc := &v1alpha1.DRPlacementControl{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.DRPC().Namespace, Name: a.Name},
		Spec: v1alpha1.DRPlacementControlSpec{
			DRPolicyRef:         corev1.ObjectReference{Name: lab.Policy},
			PreferredCluster:    preferred,
			PVCSelector:         metav1.LabelSelector{MatchLabels: a.selected()},
			ProtectedNamespaces: a.Spans,
		},
	}
	if err := hub.Create(ctx, drpc); err != nil {
		return fmt.Errorf("protect %s: %w", a.DRPC(), err)
	}
	return nil
}

func ensureNamespace(ctx context.Context, c client.Client, name string) error {
	_, err := ensure(ctx, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	return nil
}

// ensure makes an object if there is none of its name. It looks first, which costs an API server much less than a refusal.
func ensure(ctx context.Context, c client.Client, o client.Object) (made bool, err error) {
	kind, err := c.GroupVersionKindFor(o)
	if err != nil {
		return false, fmt.Errorf("find the kind of an object: %w", err)
	}
	is := &metav1.PartialObjectMetadata{}
	is.SetGroupVersionKind(kind)
	if c.Get(ctx, client.ObjectKeyFromObject(o), is) == nil {
		return false, nil
	}
	err = c.Create(ctx, o)
	return err == nil, client.IgnoreAlreadyExists(err)
}

// Control reads the DRPlacementControl.
func (a *App) Control(ctx context.Context) (*v1alpha1.DRPlacementControl, error) {
	drpc := &v1alpha1.DRPlacementControl{}
	if err := a.lab.Cluster(lab.Hub).Client.Get(ctx, a.DRPC(), drpc); err != nil {
		return nil, fmt.Errorf("read DRPlacementControl %s: %w", a.DRPC(), err)
	}
	return drpc, nil
}

// Ask changes the spec of the DRPlacementControl, as a user would.
func (a *App) Ask(ctx context.Context, edit func(*v1alpha1.DRPlacementControlSpec)) error {
	drpc, err := a.Control(ctx)
	if err != nil {
		return err
	}
	before := drpc.DeepCopy()
	edit(&drpc.Spec)
	if err := a.lab.Cluster(lab.Hub).Client.Patch(ctx, drpc, client.MergeFrom(before)); err != nil { //nolint:forbidigo // a user patches what they name
		return fmt.Errorf("change DRPlacementControl %s: %w", a.DRPC(), err)
	}
	return nil
}

// Unprotect deletes the DRPlacementControl.
func (a *App) Unprotect(ctx context.Context) error {
	drpc, err := a.Control(ctx)
	if err != nil {
		return err
	}
	if err := a.lab.Cluster(lab.Hub).Client.Delete(ctx, drpc); err != nil {
		return fmt.Errorf("delete DRPlacementControl %s: %w", a.DRPC(), err)
	}
	return nil
}

// Claim reads the PVC on a cluster.
func (a *App) Claim(ctx context.Context, cluster string) (*corev1.PersistentVolumeClaim, error) {
	pvc := &corev1.PersistentVolumeClaim{}
	if err := a.lab.Cluster(cluster).Client.Get(ctx, a.Key(), pvc); err != nil {
		return nil, fmt.Errorf("read PVC %s on %s: %w", a.Key(), cluster, err)
	}
	return pvc, nil
}

// Volume finds the handle of the volume on a cluster on which the application runs, or is going to, and remembers it. The
// same volume may be called otherwise on another cluster.
func (a *App) Volume(ctx context.Context, cluster string) (string, error) {
	pvc, err := a.Claim(ctx, cluster)
	if err != nil {
		return "", err
	}
	pv := &corev1.PersistentVolume{}
	if err := a.lab.Cluster(cluster).Client.Get(ctx, client.ObjectKey{Name: pvc.Spec.VolumeName}, pv); err != nil {
		return "", fmt.Errorf("read PV %s on %s: %w", pvc.Spec.VolumeName, cluster, err)
	}
	if pv.Spec.CSI == nil {
		return "", fmt.Errorf("PV %s on %s is no CSI volume", pv.Name, cluster)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.volumes[cluster] = pv.Spec.CSI.VolumeHandle
	return pv.Spec.CSI.VolumeHandle, nil
}

// Ran is the handle of the volume on which the application ran last on a cluster, even if its PVC there is gone; empty if
// it never ran there.
func (a *App) Ran(cluster string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.volumes[cluster]
}

// Journal reads the records in the volume on a cluster where it is in use.
func (a *App) Journal(cluster, handle string) (journal.Report, error) {
	return journal.Verify(filepath.Join(a.volume(cluster, handle), "data"))
}

// Acknowledged is the last record that the writer on a cluster saw written.
func (a *App) Acknowledged(cluster, handle string) (journal.Record, error) {
	if a.Witness != nil {
		return journal.Noted(a.Witness(cluster))
	}
	if handle == "" {
		return journal.Record{}, fmt.Errorf("it is not known on which volume %s ran on %s", a.Key(), cluster)
	}
	return journal.Noted(node.Witness(a.lab.DataDir(), cluster, handle))
}

func (a *App) volume(cluster, handle string) string {
	return filepath.Join(a.lab.DataDir(), cluster, "volumes", handle)
}

func (a *App) deployment(cluster string) *appsv1.Deployment {
	one := int32(1)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name, Labels: a.labels()},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Selector: &metav1.LabelSelector{MatchLabels: a.labels()},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: a.labels()},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name: "writer", Image: "lab/writer", Args: []string{"--every=" + writeEvery.String()},
						VolumeMounts: []corev1.VolumeMount{{Name: "journal", MountPath: "/journal"}},
					}},
					Volumes: []corev1.Volume{{Name: "journal", VolumeSource: corev1.VolumeSource{
						PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: a.Name},
					}}},
				},
			},
		},
	}
	if a.Dress != nil {
		a.Dress(cluster, d)
	}
	return d
}

func (a *App) claim() *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name, Labels: a.selected()},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: &a.Class,
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}
