// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"syscall"
)

var errNotOwner = errors.New("only the process that started the lab can change its services")

// Kill ends a service at once, as a crash would. Controllers are started again if Options.Restart says so. The names of
// services are those in State. Like the methods below, it works in the process that started the lab.
func (l *Lab) Kill(service string) error {
	if l.supervisor == nil {
		return errNotOwner
	}
	return l.supervisor.Kill(service)
}

// Stop ends a service at once and leaves it ended until StartProcess.
func (l *Lab) Stop(service string) error {
	if l.supervisor == nil {
		return errNotOwner
	}
	return l.supervisor.Stop(service)
}

// StartProcess starts a service that was killed or stopped and returns when it serves.
func (l *Lab) StartProcess(ctx context.Context, service string) error {
	if l.supervisor == nil {
		return errNotOwner
	}
	return l.supervisor.Resume(ctx, service)
}

// Freeze stops a service from running without ending it: its clients get no answer, not even a refusal.
func (l *Lab) Freeze(service string) error { return l.signal(service, syscall.SIGSTOP) }

// Thaw lets a frozen service go on.
func (l *Lab) Thaw(service string) error { return l.signal(service, syscall.SIGCONT) }

func (l *Lab) signal(service string, sig syscall.Signal) error {
	if l.supervisor == nil {
		return errNotOwner
	}
	return l.supervisor.Signal(service, sig)
}
