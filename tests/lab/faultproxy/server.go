// SPDX-License-Identifier: Apache-2.0

// Package faultproxy puts faults on the connections of a lab. Its server, a process of its own, forwards each link from a
// port on loopback to another; its client turns faults on and off. A fault stays until it is healed; faults change
// connections that are open as well as those to come.
package faultproxy

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is one forwarded connection.
type Link struct {
	Name     string
	Listen   string // host:port that clients connect to
	Upstream string // host:port that it leads to
}

// Args are the arguments for Main that make it serve the links, with the control API at the address control.
func Args(control string, links []Link) []string {
	args := []string{"--control", control}
	for _, l := range links {
		args = append(args, "--link", l.Name+"="+l.Listen+","+l.Upstream)
	}
	return args
}

// Main runs the server with its arguments until the process is killed. It logs to stderr.
func Main(args []string, stderr io.Writer) error {
	fs := flag.NewFlagSet("proxy", flag.ContinueOnError)
	fs.SetOutput(stderr)
	control := fs.String("control", "", "host:port of the control API")
	var links []Link
	fs.Func("link", "link to serve: name=listen,upstream; may be repeated", func(text string) error {
		l, err := parseLink(text)
		links = append(links, l)
		return err
	})
	if err := fs.Parse(args); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(*control)
	if err != nil {
		return fmt.Errorf("flag --control: %w", err)
	}
	logger := zerolog.New(stderr).Level(zerolog.WarnLevel).With().Timestamp().Logger()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), logger)
	for _, l := range links {
		if err := server.Collection.Add(toxiproxy.NewProxy(server, l.Name, l.Listen, l.Upstream), true); err != nil {
			return fmt.Errorf("serve link %s: %w", l.Name, err)
		}
	}
	server.Listen(host, port)
	return errors.New("the control API ended")
}

func parseLink(text string) (Link, error) {
	name, addresses, found := strings.Cut(text, "=")
	listen, upstream, both := strings.Cut(addresses, ",")
	if !found || !both || name == "" || listen == "" || upstream == "" {
		return Link{}, fmt.Errorf("%q is not name=listen,upstream", text)
	}
	return Link{Name: name, Listen: listen, Upstream: upstream}, nil
}
