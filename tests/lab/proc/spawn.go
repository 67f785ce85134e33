// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is a program to run.
type Command struct {
	Path string
	Args []string
	Env  []string // KEY=value, added to the environment of this process
	Dir  string   // working directory; empty: that of this process
	Log  string   // file that gets its output, appended
}

// Process is a running or ended program.
type Process struct {
	Identity
	done chan struct{}
	err  error
}

// Done is closed when the process ended and was waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended: nil for exit code 0. It may be asked only after Done.
func (p *Process) Err() error { return p.err }

// Signal sends a signal to the process and to all of its group; to send it to a process that ended is no error.
func (p *Process) Signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := syscall.Kill(-p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send signal %v to process group %d: %w", sig, p.PID, err)
	}
	return nil
}

// Spawner starts processes that die with it. The kernel ties such a death signal to the thread that started the process,
// not to the whole parent: so one thread starts all of them and does nothing else.
type Spawner struct {
	mark     string
	requests chan request
}

type request struct {
	cmd   *exec.Cmd
	reply chan error
}

// NewSpawner returns a spawner of processes with the mark. Close ends it.
func NewSpawner(mark string) *Spawner {
	s := &Spawner{mark: mark, requests: make(chan request)}
	onThreadOfItsOwn(func() {
		for r := range s.requests {
			r.reply <- r.cmd.Start()
		}
	})
	return s
}

// onThreadOfItsOwn calls do on a thread that does nothing else, and ends, with all that it started, when do returns. The main
// thread of a process never ends: it is held until another one has begun.
func onThreadOfItsOwn(do func()) {
	began := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			onThreadOfItsOwn(func() { close(began); do() })
			<-began
			runtime.UnlockOSThread()
			return
		}
		do() // never unlocked: that ends the thread
	}()
}

// Close kills all processes that the spawner started. Nothing can be started afterwards.
func (s *Spawner) Close() { close(s.requests) }

// Start runs the command in a process group of its own.
func (s *Spawner) Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = slices.Concat(environ(), c.Env, []string{envMark + "=" + s.mark})
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r := request{cmd: cmd, reply: make(chan error, 1)}
	s.requests <- r
	if err := <-r.reply; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	// Not waited for yet, so its entry exists even if it ended at once.
	id, err := identify(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	p := &Process{Identity: id, done: make(chan struct{})}
	go func() {
		// What it started itself must not run on without it. The pid names the group for certain only until it is waited
		// for, so: see that it ended, kill the rest of the group, then wait.
		_ = unix.Waitid(unix.P_PID, id.PID, nil, unix.WEXITED|unix.WNOWAIT, nil)
		_ = syscall.Kill(-id.PID, syscall.SIGKILL)
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// environ is the environment for children: without KUBECONFIG, so that none of them ever finds a cluster of the user.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "KUBECONFIG=") })
}
