// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/journal"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
)

// program is what a container runs. dirs are the folders of the volumes that it mounts, in order. What call returns runs commands in
// it; nil: there are none.
type program struct {
	run  func(ctx context.Context, clk clock.WithTicker, dirs []string) error
	call func(clk clock.WithTicker, dirs []string) command
}

// Witness is the file in which the writer on a cluster notes the last record of a volume that was acknowledged. It is not
// replicated, and it outlives the volume: what a copy has lost is asked when the original is gone.
func Witness(data, cluster, handle string) string {
	return witness(filepath.Join(storage.VolumesDir(data, cluster), handle, "data"))
}

// witness belongs to the folder of a volume's data.
func witness(dir string) string {
	volume := filepath.Dir(dir)
	return filepath.Join(filepath.Dir(filepath.Dir(volume)), "witness", filepath.Base(volume))
}

// defaultEvery is the time between two records if nothing else is asked for.
const defaultEvery = 100 * time.Millisecond

// programOf is the program of a container, or why this node does not know it.
func programOf(pod *corev1.Pod, c *corev1.Container) (program, error) {
	var none program
	image, _, _ := strings.Cut(c.Image, ":")
	switch image {
	case imagePause:
		return program{run: pause}, nil
	case imageRun:
		exit := 0
		if len(c.Args) > 0 {
			var err error
			if exit, err = strconv.Atoi(c.Args[0]); err != nil {
				return none, fmt.Errorf("container %s: args: %w", c.Name, err)
			}
		}
		return program{run: func(context.Context, clock.WithTicker, []string) error {
			if exit != 0 {
				return fmt.Errorf("exit code %d", exit)
			}
			return finished{}
		}}, nil
	case imageTokens:
		if !mountsClaim(pod, c) {
			return none, unmounted(c, imageTokens)
		}
		return program{run: func(_ context.Context, _ clock.WithTicker, dirs []string) error { return tokens(dirs[0], c.Args) }}, nil
	case imageWriter:
		fs := flag.NewFlagSet(imageWriter, flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		every := fs.Duration("every", defaultEvery, "time between two records")
		if err := fs.Parse(c.Args); err != nil {
			return none, fmt.Errorf("container %s: args: %w", c.Name, err)
		}
		if *every <= 0 {
			return none, fmt.Errorf("container %s: args: --every must be positive", c.Name)
		}
		if !mountsClaim(pod, c) {
			return none, unmounted(c, imageWriter)
		}
		q := &quiet{}
		return program{
			run: func(ctx context.Context, clk clock.WithTicker, dirs []string) error {
				return write(ctx, clk, dirs[0], witness(dirs[0]), *every, q)
			},
			call: func(clk clock.WithTicker, dirs []string) command { return q.command(clk, witness(dirs[0])+".commands") },
		}, nil
	}
	return none, fmt.Errorf("container %s: this node knows the images %s, %s, %s and %s, not %q", c.Name, imageWriter, imageTokens, imageRun, imagePause, c.Image)
}

func unmounted(c *corev1.Container, image string) error {
	return fmt.Errorf("container %s: %s needs a volumeMount of a claim", c.Name, image)
}

func mountsClaim(pod *corev1.Pod, c *corev1.Container) bool {
	for _, v := range pod.Spec.Volumes {
		for _, m := range c.VolumeMounts {
			if v.PersistentVolumeClaim != nil && m.Name == v.Name {
				return true
			}
		}
	}
	return false
}

func pause(ctx context.Context, _ clock.WithTicker, _ []string) error {
	<-ctx.Done()
	return nil
}

// write appends a record each time that the interval is over; when the disk is slower than that, several at once. The last
// one that was acknowledged is in the file noted.
func write(ctx context.Context, clk clock.WithTicker, dir, noted string, every time.Duration, q *quiet) (err error) {
	if err := os.MkdirAll(filepath.Dir(noted), 0o755); err != nil {
		return fmt.Errorf("make folder of witness: %w", err)
	}
	w, err := journal.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	ticker := clk.NewTicker(every)
	defer ticker.Stop()
	next := clk.Now()
	for {
		if next, err = q.append(w, clk, next, every, noted); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}
