// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
)

// up starts a process of its own that runs the lab, and shows its progress until all is ready.
func up(ctx context.Context, args []string, out, progress io.Writer) error {
	dir, _, err := upFlags("up", args, progress)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"run"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the process of the lab: %w", err)
	}
	// The lab is not in this process group: an interrupt of this command has to reach it.
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	// It closes its output when it is ready, or by ending.
	if _, err := io.Copy(progress, said); err != nil {
		return err
	}
	l, err := lab.Open(dir)
	if err != nil || !l.State().Ready {
		return errors.Join(errors.New("the lab did not start"), ctx.Err(), cmd.Wait())
	}
	return show(l, out)
}

// runLab is the process that runs a lab.
func runLab(ctx context.Context, args []string, _, progress io.Writer) error {
	dir, speed, err := upFlags("run", args, progress)
	if err != nil {
		return err
	}
	addons := lab.AddonsReal
	if len(speed) > 0 {
		addons = lab.AddonsQuick
	}
	l, err := lab.Up(ctx, lab.Options{Dir: dir, Log: progress, Intervals: speed, Restart: true, Storage: "rbd", CSIAddons: addons})
	if err != nil {
		return err
	}
	if err := detach(filepath.Join(l.LogDir(), "lab.log")); err != nil {
		return errors.Join(err, l.Down())
	}
	<-ctx.Done()
	return l.Down()
}

func upFlags(name string, args []string, progress io.Writer) (dir string, speed map[string]time.Duration, err error) {
	fs, dirFlag, err := flags(name, "", progress)
	if err != nil {
		return "", nil, err
	}
	intervals := storage.Speed{}
	fs.Var(intervals, "interval", "how long a scheduling interval really lasts: 1m=2s; may be repeated")
	err = parse(fs, args, 0)
	return *dirFlag, intervals, err
}

// detach gives the output of this process to a file, so that nobody waits for its end.
func detach(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, fd := range []int{1, 2} {
		if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
			return fmt.Errorf("redirect output to %s: %w", file, err)
		}
	}
	return f.Close()
}

func down(_ context.Context, args []string, out, progress io.Writer) error {
	fs, dir, err := flags("down", "", progress)
	if err != nil {
		return err
	}
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	found, err := lab.Down(*dir)
	if err != nil {
		return err
	}
	if !found {
		fmt.Fprintf(out, "no lab runs in %s\n", *dir)
	}
	return nil
}
