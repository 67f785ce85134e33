// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/utils/exec"
)

const (
	// Streams of a command that nobody uses, or that nobody opens, are given up after this.
	idleStreams, openStreams = 5 * time.Minute, 30 * time.Second
	// readRequest bounds how long a request may take to arrive.
	readRequest = 10 * time.Second
	// valid is how long the certificate of the node is.
	valid = 24 * time.Hour
)

// command is what a container does when somebody runs something in it.
type command func(ctx context.Context, args []string, stdout, stderr io.Writer) (exit int)

// serveCommands answers the API server when somebody runs a command in a Pod of this node. It returns the port.
func (s *sandboxes) serveCommands(ctx context.Context) (port int32, err error) {
	cert, err := selfSigned(s.clock.Now())
	if err != nil {
		return 0, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", podIP+":0")
	if err != nil {
		return 0, fmt.Errorf("listen for commands: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		streams, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		key := types.NamespacedName{Namespace: r.PathValue("namespace"), Name: r.PathValue("pod")}
		remotecommand.ServeExec(w, r, executor{s, key}, key.Name, "", r.PathValue("container"), r.Form["command"], streams,
			idleStreams, openStreams, remotecommand.SupportedStreamingProtocols)
	})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: readRequest, BaseContext: func(net.Listener) context.Context { return ctx },
		// The API server speaks SPDY, which takes over a connection of HTTP/1.1.
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	at, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("listen for commands: %s is no TCP address", listener.Addr())
	}
	return int32(at.Port), nil
}

// selfSigned is a certificate that nobody verifies: the API server of the lab is not told which authority signs those of nodes.
func selfSigned(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid), IPAddresses: []net.IP{net.ParseIP(podIP)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// executor runs commands in one Pod.
type executor struct {
	boxes *sandboxes
	pod   types.NamespacedName
}

// ExecInContainer implements remotecommand.Executor.
func (e executor) ExecInContainer(ctx context.Context, _, _, container string, args []string, _ io.Reader, stdout, stderr io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	call := e.boxes.command(e.pod, container)
	if call == nil {
		return fmt.Errorf("container %s of Pod %s does not run, or has no commands", container, e.pod)
	}
	if exit := call(ctx, args, writerOr(stdout), writerOr(stderr)); exit != 0 {
		return exec.CodeExitError{Err: errors.New("the command failed"), Code: exit}
	}
	return nil
}

func writerOr(w io.WriteCloser) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// command is that of a container that runs; nil: it has none.
func (s *sandboxes) command(pod types.NamespacedName, container string) command {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, box := range s.pods {
		if box.pod == pod {
			return box.commands[container]
		}
	}
	return nil
}
