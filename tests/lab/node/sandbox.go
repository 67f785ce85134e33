// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// sandbox is one running Pod: its mounts, and one goroutine per container.
type sandbox struct {
	pod      types.NamespacedName
	commands map[string]command       // by container
	mounts   map[string]*engine.Mount // by volume name
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu         sync.Mutex
	containers map[string]*process
}

// process is one container's life so far.
type process struct {
	started  time.Time
	ended    time.Time // zero: running
	err      error     // why it ended
	restarts int32
}

// sandboxes are the running Pods. They do not depend on the API server.
type sandboxes struct {
	ctx   context.Context //nolint:containedctx // the process's: Pods end with it, not with the reconcile that started them
	clock clock.WithTicker
	ended func(types.NamespacedName) // called when a container ends by itself

	mu   sync.Mutex
	pods map[types.UID]*sandbox
}

func newSandboxes(ctx context.Context, clk clock.WithTicker, ended func(types.NamespacedName)) *sandboxes {
	return &sandboxes{ctx: ctx, clock: clk, ended: ended, pods: map[types.UID]*sandbox{}}
}

func (s *sandboxes) get(uid types.UID) *sandbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pods[uid]
}

// start runs the containers of a Pod over its mounts, of which it takes possession.
func (s *sandboxes) start(pod *corev1.Pod, programs map[string]program, mounts map[string]*engine.Mount) *sandbox {
	ctx, cancel := context.WithCancel(s.ctx)
	key := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	box := &sandbox{pod: key, commands: map[string]command{}, mounts: mounts, cancel: cancel, containers: map[string]*process{}}
	for _, c := range pod.Spec.Containers {
		var dirs []string
		for _, m := range c.VolumeMounts {
			if mount := mounts[m.Name]; mount != nil {
				dirs = append(dirs, mount.Dir)
			}
		}
		p := &process{started: s.clock.Now(), restarts: restarts(pod, c.Name)}
		box.containers[c.Name] = p
		if call := programs[c.Name].call; call != nil {
			box.commands[c.Name] = call(s.clock, dirs)
		}
		box.done.Go(func() {
			err := programs[c.Name].run(ctx, s.clock, dirs)
			box.mu.Lock()
			p.ended, p.err = s.clock.Now(), err
			box.mu.Unlock()
			if ctx.Err() == nil {
				s.ended(key)
			}
		})
	}
	s.mu.Lock()
	s.pods[pod.UID] = box
	s.mu.Unlock()
	return box
}

// restarts counts a container that ran before this process, or before its volume went away.
func restarts(pod *corev1.Pod, container string) int32 {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == container && (c.State.Running != nil || c.State.Terminated != nil) {
			return c.RestartCount + 1
		}
	}
	return restartsSoFar(pod, container)
}

// stop ends the containers of a Pod, waits for them and gives the volumes back.
func (s *sandboxes) stop(uid types.UID) error {
	s.mu.Lock()
	box := s.pods[uid]
	delete(s.pods, uid)
	s.mu.Unlock()
	if box == nil {
		return nil
	}
	box.cancel()
	box.done.Wait()
	return unmount(box.mounts)
}

func unmount(mounts map[string]*engine.Mount) error {
	var errs []error
	for _, m := range mounts {
		errs = append(errs, m.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return nil
}

// uids are the Pods that run.
func (s *sandboxes) uids() []types.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var uids []types.UID
	for uid := range s.pods {
		uids = append(uids, uid)
	}
	return uids
}

// look returns copies of the containers' lives, and whether one of them ended.
func (b *sandbox) look() (now map[string]process, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now = map[string]process{}
	for name, p := range b.containers {
		now[name] = *p
		ended = ended || !p.ended.IsZero()
	}
	return now, ended
}
