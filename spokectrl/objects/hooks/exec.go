// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// exec runs a command in Pods, one after the other. The first failure ends it, unless failures are taken for successes.
func (c Clients) exec(ctx context.Context, h *recipe.Hook) error {
	pods, err := c.targets(ctx, h)
	if err != nil {
		return err
	}
	var errs []error
	for _, pod := range pods {
		if err := c.execIn(ctx, h, pod); err != nil {
			errs = append(errs, fmt.Errorf("in Pod %s: %w", pod.Name, err))
			if !h.Continue {
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (c Clients) execIn(ctx context.Context, h *recipe.Hook, pod *corev1.Pod) error {
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	container := h.Container
	if container == "" {
		container = pod.Spec.Containers[0].Name
	}
	stderr, err := c.Stream(limited, pod.Namespace, pod.Name, container, h.Command)
	if stderr != "" {
		stderr = ": " + strings.TrimSpace(strings.Map(printable, stderr))
	}
	exit, failed := errors.AsType[exec.CodeExitError](err)
	switch {
	case err == nil:
		return nil
	case failed:
		return &exitError{exit.Code, stderr}
	case ctx.Err() == nil && limited.Err() != nil:
		return fmt.Errorf("the command did not end within %s, and may still run there%s", h.Timeout, stderr)
	default:
		return fmt.Errorf("run the command: %w%s", err, stderr)
	}
}

// printable keeps what a command writes from steering the terminal of who reads it.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}

// streamer runs commands by way of the API server.
func streamer(config *rest.Config, kube kubernetes.Interface) func(context.Context, string, string, string, []string) (string, error) {
	return func(ctx context.Context, namespace, pod, container string, command []string) (string, error) {
		address := kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
		spdy, err := remotecommand.NewSPDYExecutor(config, "POST", address)
		if err != nil {
			return "", fmt.Errorf("reach the API server: %w", err)
		}
		socket, err := remotecommand.NewWebSocketExecutor(config, "GET", address.String())
		if err != nil {
			return "", fmt.Errorf("reach the API server: %w", err)
		}
		either, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
			return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
		})
		if err != nil {
			return "", fmt.Errorf("reach the API server: %w", err)
		}
		stderr := &tail{limit: longestStderr}
		err = either.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: io.Discard, Stderr: stderr})
		return stderr.String(), wordless(err, address)
	}
}

// wordless is an error without the words of a command: they are in its address, which errors of a connection repeat.
func wordless(err error, address *url.URL) error {
	if err == nil || address.RawQuery == "" || !strings.Contains(err.Error(), address.RawQuery) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), "?"+address.RawQuery, ""))
}

// longestStderr is how much of what a command writes to stderr is told.
const longestStderr = 1 << 10

// tail keeps the end of what is written to it. It is safe for concurrent use: what a command writes may arrive after it was ended.
type tail struct {
	limit int

	mu   sync.Mutex
	kept []byte
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-t.limit):]
	return len(p), nil
}
