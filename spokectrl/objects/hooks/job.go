// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

const (
	labelHook = "ramendr.openshift.io/hook-name"
	labelJob  = "ramendr.openshift.io/job-name"
	// keepJobs is how long a Job is kept that has ended, in seconds, unless its manifest says how long.
	keepJobs = 3600
	// removing is how long the removal of a Job may take that did not end.
	removing = 10 * time.Second
	// longestJobName leaves room for what is appended.
	longestJobName = 63 - 11
)

// job runs a Job, and waits until it has ended. Each run has a Job of its own, so that one which ended before is none of this.
func (c Clients) job(ctx context.Context, h *recipe.Hook, run string) error {
	j := &batchv1.Job{}
	if err := yaml.Unmarshal([]byte(h.Manifest), j); err != nil {
		return fmt.Errorf("read the manifest of the Job: %w", err)
	}
	sum := sha256.Sum256([]byte(run))
	j.ObjectMeta = metav1.ObjectMeta{
		Namespace: h.Namespace, Name: h.Op[:min(len(h.Op), longestJobName)] + "-" + hex.EncodeToString(sum[:5]),
		Labels: j.Labels, Annotations: j.Annotations,
	}
	if j.Labels == nil {
		j.Labels = map[string]string{}
	}
	j.Labels[labelHook], j.Labels[labelJob], j.Labels[v1alpha1.LabelCreatedByRamen] = h.Name, h.Op, "true"
	if j.Spec.TTLSecondsAfterFinished == nil {
		j.Spec.TTLSecondsAfterFinished = new(int32(keepJobs))
	}
	j.Status = batchv1.JobStatus{}
	if _, err := c.Kube.BatchV1().Jobs(h.Namespace).Create(ctx, j, metav1.CreateOptions{FieldManager: "spokectrl-hooks"}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Job %s: %w", j.Name, err)
	}
	err := c.ended(ctx, j)
	if ctx.Err() == nil {
		return err
	}
	// It must not go on beside what comes next.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), removing)
	defer cancel()
	if gone := c.Kube.BatchV1().Jobs(h.Namespace).Delete(last, j.Name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); gone != nil && !apierrors.IsNotFound(gone) {
		return errors.Join(err, fmt.Errorf("delete Job %s, which still runs: %w", j.Name, gone))
	}
	return err
}

// ended waits until a Job has ended.
func (c Clients) ended(ctx context.Context, j *batchv1.Job) error {
	only := fields.OneTermEqualSelector("metadata.name", j.Name).String()
	for rest := firstRest; ; {
		is, err := c.Kube.BatchV1().Jobs(j.Namespace).Get(ctx, j.Name, metav1.GetOptions{})
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("Job %s has not ended", j.Name) //nolint:staticcheck // a kind
		case err != nil:
			return fmt.Errorf("read Job %s: %w", j.Name, err)
		}
		for _, cond := range is.Status.Conditions {
			switch {
			case cond.Status != corev1.ConditionTrue:
			case cond.Type == batchv1.JobComplete:
				return nil
			case cond.Type == batchv1.JobFailed:
				return fmt.Errorf("Job %s failed: %s: %s", j.Name, cond.Reason, cond.Message) //nolint:staticcheck // a kind
			}
		}
		events, err := c.Kube.BatchV1().Jobs(j.Namespace).Watch(ctx, metav1.ListOptions{FieldSelector: only, ResourceVersion: is.ResourceVersion})
		if err != nil {
			if ctx.Err() != nil {
				continue
			}
			return fmt.Errorf("watch Job %s: %w", j.Name, err)
		}
		again := time.NewTimer(relook)
		select {
		case e, open := <-events.ResultChan():
			if resting(ctx, rest); !open || e.Type == watch.Error {
				rest = min(2*rest, longestRest)
			}
		case <-again.C:
			rest = firstRest
		case <-ctx.Done():
		}
		again.Stop()
		events.Stop()
	}
}
