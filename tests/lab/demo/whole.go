// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// byHand is what somebody made on dr1 besides the Deployment: what the application needs, and how it is captured.
const byHand = `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {currency: EUR}}
---
{apiVersion: v1, kind: Secret, metadata: {name: password}, stringData: {password: secret}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: shop}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: ramen-hooks}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ramen-hooks}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ramen-hooks}
subjects: [{kind: ServiceAccount, name: ramen-hooks, namespace: shop}]
---
apiVersion: ramendr.openshift.io/v1alpha1
kind: Recipe
metadata: {name: shop}
spec:
  appType: shop
  groups: [{name: all, type: resource}]
  hooks:
  - name: writer
    namespace: shop
    type: exec
    selectResource: deployment
    nameSelector: shop
    timeout: 20
    ops:
    - {name: quiesce, command: quiesce, inverseOp: unquiesce}
    - {name: unquiesce, command: unquiesce}
  - name: ready
    namespace: shop
    type: check
    selectResource: deployment
    nameSelector: shop
    chks: [{name: replicas, condition: "{$.status.readyReplicas} == {$.spec.replicas}"}]
  workflows:
  - {name: backup, sequence: [{hook: writer/quiesce}, {group: all}, {hook: writer/unquiesce}]}
  - {name: restore, sequence: [{group: all}, {hook: ready/replicas}]}`

// Waits of this act.
const (
	patience = 4 * time.Minute
	tick     = 100 * time.Millisecond
)

// tellWhole is the second act.
func tellWhole(ctx context.Context, s *screen, l *lab.Lab, t *story.Story) error {
	s.title("Second act: an application that nobody deploys, with a Recipe that quiesces it")
	if err := l.GrantObjects(ctx); err != nil {
		return err
	}
	deploying, stop := context.WithCancel(ctx)
	defer stop()
	go t.App.Deploy(deploying, s.note)
	if err := t.Protect(ctx, lab.DR1); err != nil {
		return err
	}
	stop()
	for text := range strings.SplitSeq(byHand, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			return fmt.Errorf("read what is made by hand: %w", err)
		}
		u.SetNamespace(t.App.Namespace)
		if err := l.Cluster(lab.DR1).Client.Create(ctx, u); err != nil {
			return fmt.Errorf("make %s by hand: %w", u.GetName(), err)
		}
	}
	asked := metav1.Now()
	if err := t.App.Ask(ctx, func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{CaptureInterval: &metav1.Duration{Duration: Interval}, RecipeRef: &v1alpha1.RecipeRef{Name: "shop"}}
	}); err != nil {
		return err
	}
	if err := until(ctx, t, "its objects are captured", func(d *v1alpha1.DRPlacementControl) bool {
		return asked.Before(d.Status.LastKubeObjectProtectionTime) && meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionProtected)
	}); err != nil {
		return err
	}
	s.showOn(lab.DR1, "the application", "get", "deploy,svc,cm,secret,recipe", "-n", t.App.Namespace)
	s.show("and when it was captured", "get", "drpc", "-n", t.App.Namespace, t.App.Name, "-o", "jsonpath={.status.lastKubeObjectProtectionTime}{'\\n'}")

	s.title("Cut dr1 off and fail over to dr2")
	failed, err := t.FailoverWithout(ctx, lab.DR2, faultproxy.Cut)
	if err != nil {
		return err
	}
	s.result("failover dr1 -> dr2, of an application without Git", failed.Loss.String(), failed.Took)
	if err := until(ctx, t, "its objects are restored", func(d *v1alpha1.DRPlacementControl) bool {
		available := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionAvailable)
		return d.Status.Progression != v1alpha1.ProgressionWaitingForResourceRestore && available != nil && available.Message == "the workload runs on dr2"
	}); err != nil {
		return err
	}
	s.showOn(lab.DR2, "the application", "get", "deploy,svc,cm,secret,recipe", "-n", t.App.Namespace)
	for _, o := range []client.Object{&corev1.ConfigMap{}, &corev1.Secret{}, &corev1.Service{}} {
		name := map[string]string{"*v1.ConfigMap": "settings", "*v1.Secret": "password", "*v1.Service": "web"}[fmt.Sprintf("%T", o)]
		if err := l.Cluster(lab.DR2).Client.Get(ctx, client.ObjectKey{Namespace: t.App.Namespace, Name: name}, o); err != nil {
			return fmt.Errorf("after the failover: %w", err)
		}
	}
	quiet, err := t.App.Quiet(lab.DR1)
	if err != nil {
		return err
	}
	if quiet.Periods == 0 || quiet.Records > 0 {
		return fmt.Errorf("%d records were written in %d times when the application was quiesced", quiet.Records, quiet.Periods)
	}
	s.result("all its objects are on dr2", fmt.Sprintf("no record was written while it was quiesced (captures: %d)", quiet.Periods), 0)
	if err := t.App.RemoveFrom(ctx, lab.DR1, s.note); err != nil {
		return err
	}
	back, err := t.Return(ctx, lab.DR1)
	if err != nil {
		return err
	}
	s.result("dr1 is back, Secondary again", "", back)
	return nil
}

// until waits until the DRPlacementControl says something.
func until(ctx context.Context, t *story.Story, what string, is func(*v1alpha1.DRPlacementControl) bool) error {
	err := wait.PollUntilContextTimeout(ctx, tick, patience, true, func(ctx context.Context) (bool, error) {
		drpc, err := t.App.Control(ctx)
		return err == nil && is(drpc), nil
	})
	if err != nil {
		return fmt.Errorf("wait until %s: %w", what, err)
	}
	return nil
}
