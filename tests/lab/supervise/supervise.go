// SPDX-License-Identifier: Apache-2.0

// Package supervise runs a set of named processes and knows of each whether it is to run and whether it does. It promises
// that a service that Start returned for is ready, that one that died is reported with the end of its log, and that those
// marked so are started again when they die, as a Deployment would.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
)

const (
	// readyTick is how often a service is asked whether it is ready.
	readyTick = 25 * time.Millisecond
	// restartAfter is the pause before a service that died is started again.
	restartAfter = time.Second
	// tailBytes is how much of the end of a log an error shows.
	tailBytes = 1500
)

// Service is a process with a name.
type Service struct {
	Name    string
	Command proc.Command
	// Address is where it serves, for people; empty if it serves nothing.
	Address string
	// Ready fails while the service is not ready. Nil: it is ready when it runs.
	Ready func(context.Context) error
	// Restart says that it is started again when it dies.
	Restart bool
}

// State describes a service at one moment.
type State struct {
	Name    string        `json:"name"`
	Process proc.Identity `json:"process"` // of the last start
	Address string        `json:"address,omitempty"`
	Command []string      `json:"command"`
	Log     string        `json:"log"`
}

// Supervisor runs services. Its methods may be called from several goroutines.
type Supervisor struct {
	spawner *proc.Spawner
	record  func([]State) error

	mu       sync.Mutex
	closed   bool
	order    []string
	services map[string]*entry
}

type entry struct {
	Service
	process *proc.Process // of the last start
	wanted  bool
}

// New returns a supervisor of processes with the mark. record is called, one call at a time, with all services each time
// that one was started, before anybody relies on it.
func New(mark string, record func([]State) error) *Supervisor {
	return &Supervisor{spawner: proc.NewSpawner(mark), record: record, services: map[string]*entry{}}
}

// Start runs the service and returns when it is ready. It fails if the service ends before that or if ctx does.
func (s *Supervisor) Start(ctx context.Context, service Service) error {
	s.mu.Lock()
	if _, exists := s.services[service.Name]; exists {
		s.mu.Unlock()
		return fmt.Errorf("start %s: it was started before", service.Name)
	}
	s.services[service.Name] = &entry{Service: service}
	s.order = append(s.order, service.Name)
	s.mu.Unlock()
	return s.Resume(ctx, service.Name)
}

// Resume starts a service that was stopped or died, and returns when it is ready. If it runs, it only waits for that.
func (s *Supervisor) Resume(ctx context.Context, name string) error {
	s.mu.Lock()
	e, err := s.find(name)
	if err == nil && !running(e.process) {
		err = s.launch(e)
	}
	if err != nil {
		s.mu.Unlock()
		return fmt.Errorf("start %s: %w", name, err)
	}
	process := e.process
	s.mu.Unlock()
	return awaitReady(ctx, e.Service, process)
}

// Kill ends a service at once, as a crash would; one that is marked so is started again.
func (s *Supervisor) Kill(name string) error { return s.end(name, true) }

// Stop ends a service at once and leaves it ended until Resume.
func (s *Supervisor) Stop(name string) error { return s.end(name, false) }

// Signal sends a signal to a service, for instance SIGSTOP to freeze it and SIGCONT to let it go on.
func (s *Supervisor) Signal(name string, sig syscall.Signal) error {
	s.mu.Lock()
	e, err := s.find(name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if e.process == nil {
		return fmt.Errorf("signal %s: it does not run", name)
	}
	return e.process.Signal(sig)
}

// Close ends all services and returns when they have ended. Nothing can be started afterwards.
func (s *Supervisor) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	var errs []error
	var ending []*proc.Process
	for _, e := range s.services {
		e.wanted = false
		if running(e.process) {
			errs = append(errs, e.process.Signal(syscall.SIGKILL))
			ending = append(ending, e.process)
		}
	}
	s.mu.Unlock()
	for _, p := range ending {
		<-p.Done()
	}
	s.spawner.Close()
	return errors.Join(errs...)
}

func (s *Supervisor) end(name string, wanted bool) error {
	s.mu.Lock()
	e, err := s.find(name)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	e.wanted = wanted
	process := e.process
	s.mu.Unlock()
	if !running(process) {
		return nil
	}
	if err := process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("end %s: %w", name, err)
	}
	<-process.Done()
	return nil
}

// find needs the lock.
func (s *Supervisor) find(name string) (*entry, error) {
	e, ok := s.services[name]
	if !ok {
		return nil, fmt.Errorf("no service %q: it has %s", name, strings.Join(s.order, ", "))
	}
	return e, nil
}

// launch starts the entry's process, records it and watches over it. It needs the lock.
func (s *Supervisor) launch(e *entry) error {
	if s.closed {
		return errors.New("the supervisor is closed")
	}
	process, err := s.spawner.Start(e.Command)
	if err != nil {
		return err
	}
	e.process, e.wanted = process, true
	go s.watch(e, process)
	return s.record(s.states())
}

// watch starts the entry again when its process died, if it is to run on.
func (s *Supervisor) watch(e *entry, process *proc.Process) {
	<-process.Done()
	if !e.Restart {
		return
	}
	<-time.After(restartAfter)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !e.wanted || e.process != process {
		return
	}
	// A program that cannot be started now is not going to be startable later: its absence shows.
	_ = s.launch(e)
}

func (s *Supervisor) states() []State {
	var out []State
	for _, name := range s.order {
		e := s.services[name]
		if e.process == nil {
			continue
		}
		out = append(out, State{
			Name:    name,
			Process: e.process.Identity,
			Address: e.Address,
			Command: append([]string{e.Command.Path}, e.Command.Args...),
			Log:     e.Command.Log,
		})
	}
	return out
}

func running(p *proc.Process) bool {
	if p == nil {
		return false
	}
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}

func awaitReady(ctx context.Context, service Service, process *proc.Process) error {
	if service.Ready == nil {
		return nil
	}
	tick := time.NewTicker(readyTick)
	defer tick.Stop()
	for {
		err := service.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-process.Done():
			return fmt.Errorf("%s ended (%w) before it was ready; the end of its log %s:\n%s",
				service.Name, process.Err(), service.Command.Log, tail(service.Command.Log))
		case <-ctx.Done():
			return fmt.Errorf("wait until %s is ready: %w; it says: %w; the end of its log %s:\n%s",
				service.Name, ctx.Err(), err, service.Command.Log, tail(service.Command.Log))
		}
	}
}

func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-tailBytes):])
}
