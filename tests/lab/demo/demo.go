// SPDX-License-Identifier: Apache-2.0

// Package demo is the story that a newcomer sees: an application is protected, relocated, failed over with the source
// cut off, brought back in line, and its protection is ended; after each step its records are counted. In a second act one
// that nobody deploys is quiesced for its captures, and failed over with all its objects. It promises that it fails if a
// single count is not what the project promises.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// Interval is how long the scheduling interval of the policy, a minute, lasts in the demo.
const Interval = 2 * time.Second

// Options of a run.
type Options struct {
	Dir string    // folder of the lab; empty: the default one
	Out io.Writer // what the user sees
}

// Run tells the story. Its error says what was not as promised.
func Run(ctx context.Context, o Options) (err error) {
	s := &screen{out: o.Out, began: time.Now()}
	s.title("Start three clusters, an object store, storage that replicates, and the controllers")
	l, err := lab.Up(ctx, lab.Options{
		Dir: o.Dir, Log: s, Intervals: map[string]time.Duration{lab.SchedulingInterval: Interval}, Restart: true,
		Storage: "rbd", CSIAddons: lab.AddonsQuick,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.trouble(ctx, l)
		}
		err = errors.Join(err, l.Down())
	}()
	programs, err := binaries.Ensure(ctx, io.Discard)
	if err != nil {
		return err
	}
	s.kubectl = func(cluster string, args ...string) string {
		cmd := exec.CommandContext(ctx, filepath.Join(programs, "kubectl"), append([]string{"--kubeconfig", l.Cluster(cluster).Kubeconfig}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Sprintf("%s(%v)\n", out, err)
		}
		return string(out)
	}
	if err := tell(ctx, s, story.New(l, app.New(l, "journal", "journal"), Interval)); err != nil {
		return err
	}
	if err := tellWhole(ctx, s, l, story.New(l, app.New(l, "shop", "shop"), Interval)); err != nil {
		return err
	}
	s.summary()
	return nil
}

// tell goes through the story and shows what happens.
func tell(ctx context.Context, s *screen, t *story.Story) error {
	deploying, stop := context.WithCancel(ctx)
	defer stop()
	go t.App.Deploy(deploying, s.note)

	s.title("Protect an application that writes to a volume, on dr1")
	if err := t.Protect(ctx, lab.DR1); err != nil {
		return err
	}
	s.show("drpc", "get", "drpc", "-A")
	s.show("what hub and clusters exchange", "get", "vrg", "-A")

	s.title("Relocate it to dr2")
	moved, err := t.Relocate(ctx, lab.DR2)
	if err != nil {
		return err
	}
	s.result("relocate dr1 -> dr2", moved.Loss.String(), moved.Took)
	s.show("drpc", "get", "drpc", "-A")

	s.title("Cut dr2 off and fail over to dr1")
	failed, err := t.FailoverWithout(ctx, lab.DR1, faultproxy.Cut)
	if err != nil {
		return err
	}
	s.result("failover dr2 -> dr1, dr2 cut off", failed.Loss.String(), failed.Took)
	if err := t.Noticed(ctx, lab.DR2); err != nil {
		return err
	}
	s.show("drpc, which says what it waits for", "get", "drpc", "-A", "-o", "wide")
	s.show("and since when", "get", "drpc", "-n", t.App.Namespace, t.App.Name, "-o", "jsonpath={.status.waiting}{'\\n'}")

	s.title("Bring dr2 back: it is demoted and synchronized again")
	back, err := t.Return(ctx, lab.DR2)
	if err != nil {
		return err
	}
	s.result("dr2 is back, Secondary again", "", back)
	s.show("what hub and clusters exchange", "get", "vrg", "-A")

	s.title("Disable DR: the application and its data stay")
	kept, err := t.Disable(ctx)
	if err != nil {
		return err
	}
	s.result("DR disabled, the application runs on with its data", fmt.Sprintf("%d records, none missing", kept.Count), 0)
	return nil
}

// screen is what the user sees. It is safe for concurrent use.
type screen struct {
	mu      sync.Mutex
	out     io.Writer
	began   time.Time
	results []string
	kubectl func(cluster string, args ...string) string
}

func (s *screen) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.out, "%6.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// Write takes progress lines of the lab.
func (s *screen) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		s.line("  %s", strings.TrimRight(line, "\n"))
	}
	return len(p), nil
}

func (s *screen) title(text string) { s.line("== %s", text) }

func (s *screen) note(format string, args ...any) { s.line("  "+format, args...) }

func (s *screen) show(what string, args ...string) { s.showOn(lab.Hub, what, args...) }

func (s *screen) showOn(cluster, what string, args ...string) {
	out := s.kubectl(cluster, args...)
	context := ""
	if cluster != lab.Hub {
		context = "--context " + cluster + " "
	}
	s.line("  $ kubectl %s%s    (%s)", context, strings.Join(args, " "), what)
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(out) {
		_, _ = fmt.Fprintf(s.out, "           %s", line)
	}
}

func (s *screen) result(what, count string, took time.Duration) {
	text := what
	if count != "" {
		text += ": " + count
	}
	if took > 0 {
		text += fmt.Sprintf(" (%.1fs)", took.Seconds())
	}
	s.line("  OK  %s", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, text)
}

func (s *screen) summary() {
	s.title("Summary")
	for _, r := range s.results {
		s.line("  %s", r)
	}
}

// trouble shows what helps to understand a failure.
func (s *screen) trouble(ctx context.Context, l *lab.Lab) {
	if s.kubectl == nil || ctx.Err() != nil {
		return
	}
	s.title("It failed. This is how things stand")
	s.show("drpc", "get", "drpc", "-A", "-o", "yaml")
	s.show("exchange", "get", "vrg", "-A", "-o", "yaml")
	for _, name := range []string{"hubctrl", "spokectrl-dr1", "spokectrl-dr2", "mirror-dr1", "mirror-dr2"} {
		text, err := os.ReadFile(filepath.Join(l.LogDir(), name+".log"))
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		s.line("  last lines of %s.log", name)
		s.mu.Lock()
		for _, line := range lines[max(0, len(lines)-15):] {
			_, _ = fmt.Fprintf(s.out, "           %s\n", line)
		}
		s.mu.Unlock()
	}
}
