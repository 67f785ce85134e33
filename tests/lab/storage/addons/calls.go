// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Call is one call that the driver was asked to do.
type Call struct {
	Time    time.Time `json:"time"`
	Name    string    `json:"name"` // of the method: PromoteVolume
	Volume  string    `json:"volume"`
	Force   bool      `json:"force,omitempty"`
	Ready   bool      `json:"ready,omitempty"` // the answer of ResyncVolume
	Code    string    `json:"code"`            // OK, or the code of the refusal
	Message string    `json:"message,omitempty"`
}

func (c Call) String() string {
	text := c.Name + " " + c.Volume
	if c.Force {
		text += " with force"
	}
	text += ": " + c.Code
	if c.Ready {
		text += ", ready"
	}
	if c.Message != "" {
		text += ": " + c.Message
	}
	return text
}

// calls writes each call about a volume into a file.
type calls struct {
	file  string
	clock clock.PassiveClock
	mu    sync.Mutex
}

// note is a grpc.UnaryServerInterceptor.
func (c *calls) note(ctx context.Context, req any, info *grpc.UnaryServerInfo, do grpc.UnaryHandler) (any, error) {
	resp, err := do(ctx, req)
	about, named := req.(sourced)
	if !named || c.file == "" {
		return resp, err
	}
	call := Call{Time: c.clock.Now().UTC(), Name: path.Base(info.FullMethod), Code: status.Code(err).String()}
	call.Volume, _ = volume(about)
	if f, forces := req.(interface{ GetForce() bool }); forces {
		call.Force = f.GetForce()
	}
	if r, ready := resp.(interface{ GetReady() bool }); ready && err == nil {
		call.Ready = r.GetReady()
	}
	if err != nil {
		call.Message = status.Convert(err).Message()
	}
	if err := c.append(call); err != nil {
		log.FromContext(ctx).Error(err, "call is not written down", "call", call.String())
	}
	return resp, err
}

func (c *calls) append(call Call) error {
	line, err := json.Marshal(call)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := os.OpenFile(c.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// Calls reads what a server has written down.
func Calls(file string) ([]Call, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	defer func() { _ = f.Close() }()
	var out []Call
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var call Call
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			return nil, fmt.Errorf("read calls: %w", err)
		}
		out = append(out, call)
	}
	return out, nil
}
