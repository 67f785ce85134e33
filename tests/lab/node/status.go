// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podIP is every Pod's: nothing listens there.
const podIP = "127.0.0.1"

// waiting is the status of a Pod that cannot run yet.
func waiting(pod *corev1.Pod, why string, now time.Time) {
	pod.Status.Phase = corev1.PodPending
	pod.Status.Message = why
	states := make([]corev1.ContainerStatus, 0, len(pod.Spec.Containers))
	for _, c := range pod.Spec.Containers {
		states = append(states, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, RestartCount: restartsSoFar(pod, c.Name),
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating", Message: why}},
		})
	}
	pod.Status.ContainerStatuses = states
	conditions(pod, false, "ContainersNotReady", why, now)
}

func restartsSoFar(pod *corev1.Pod, container string) int32 {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == container {
			return c.RestartCount
		}
	}
	return 0
}

// running is the status of a Pod with these containers.
func running(pod *corev1.Pod, now map[string]process, at time.Time) {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Message = ""
	pod.Status.HostIP, pod.Status.PodIP = podIP, podIP
	pod.Status.HostIPs, pod.Status.PodIPs = []corev1.HostIP{{IP: podIP}}, []corev1.PodIP{{IP: podIP}}
	if pod.Status.StartTime == nil {
		start := metav1.NewTime(at)
		pod.Status.StartTime = &start
	}
	containers(pod, now)
	conditions(pod, true, "", "", at)
}

// over is the status of a Pod that ended. failure is empty for one that was stopped in order.
func over(pod *corev1.Pod, now map[string]process, failure string, at time.Time) {
	pod.Status.Phase = corev1.PodSucceeded
	reason := "PodCompleted"
	if failure != "" {
		pod.Status.Phase = corev1.PodFailed
		pod.Status.Reason = "ContainerFailed"
		reason = "PodFailed"
	}
	pod.Status.Message = failure
	if now != nil {
		containers(pod, now)
	}
	conditions(pod, false, reason, failure, at)
}

func containers(pod *corev1.Pod, now map[string]process) {
	states := make([]corev1.ContainerStatus, 0, len(pod.Spec.Containers))
	for _, c := range pod.Spec.Containers {
		p, found := now[c.Name]
		if !found {
			continue
		}
		// The API server keeps seconds; what has more of them would look changed each time.
		started := metav1.NewTime(p.started.Truncate(time.Second))
		up := p.ended.IsZero()
		s := corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, ContainerID: "lab://" + string(pod.UID) + "/" + c.Name,
			Ready: up, Started: &up, RestartCount: p.restarts,
		}
		if up {
			s.State.Running = &corev1.ContainerStateRunning{StartedAt: started}
		} else {
			ended := corev1.ContainerStateTerminated{
				Reason: "Completed", StartedAt: started, FinishedAt: metav1.NewTime(p.ended.Truncate(time.Second)), ContainerID: s.ContainerID,
			}
			if done, is := errors.AsType[finished](p.err); is {
				ended.Message = done.message
			} else if p.err != nil {
				ended.Reason, ended.ExitCode, ended.Message = "Error", 1, p.err.Error()
			}
			s.State.Terminated = &ended
		}
		states = append(states, s)
	}
	pod.Status.ContainerStatuses = states
}

func conditions(pod *corev1.Pod, ready bool, reason, message string, at time.Time) {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	set(pod, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, at)
	set(pod, corev1.PodCondition{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}, at)
	set(pod, corev1.PodCondition{Type: corev1.ContainersReady, Status: status, Reason: reason, Message: message}, at)
	set(pod, corev1.PodCondition{Type: corev1.PodReady, Status: status, Reason: reason, Message: message}, at)
}

func set(pod *corev1.Pod, c corev1.PodCondition, at time.Time) {
	c.LastTransitionTime = metav1.NewTime(at.Truncate(time.Second))
	for i, old := range pod.Status.Conditions {
		if old.Type != c.Type {
			continue
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
		c.ObservedGeneration, c.LastProbeTime = old.ObservedGeneration, old.LastProbeTime
		pod.Status.Conditions[i] = c
		return
	}
	pod.Status.Conditions = append(pod.Status.Conditions, c)
}
