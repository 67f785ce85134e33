// SPDX-License-Identifier: Apache-2.0

// Command ramendist makes what is installed on clusters: images of the controllers, as archives that a container runtime
// loads and a registry takes, and manifests that name these images. It needs Go and the sources, no container runtime.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// What is made of it.
var usageText = `usage: ramendist images|manifests|release [flags]

  images      write an archive for each controller: <out>/images/<controller>.tar
  manifests   write what is applied: <out>/install-hub.yaml, <out>/install-spoke.yaml and others
  release     write all that a release publishes: <out>/release/<version>

Run it in the folder of the project.

`

// dist is where things go and what they are called.
type dist struct {
	out      string // folder
	registry string // first part of the names of images
	version  string // last part of the names of images; the programs say it too
	arches   []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code of the process.
func run(ctx context.Context, args []string, out, problems io.Writer) int {
	var d dist
	fs := flag.NewFlagSet("ramendist", flag.ContinueOnError)
	fs.SetOutput(problems)
	fs.StringVar(&d.out, "out", "dist", "folder for what is made")
	fs.StringVar(&d.registry, "registry", "localhost/ramen-direct", "registry and path of the images")
	fs.StringVar(&d.version, "version", "dev", "tag of the images, and what --version of the programs says")
	arches := fs.String("arch", "amd64,arm64", "architectures of the images")
	fs.Usage = func() {
		_, _ = io.WriteString(problems, usageText)
		fs.PrintDefaults()
	}
	if len(args) == 0 {
		fs.Usage()
		return 2
	}
	if err := fs.Parse(args[1:]); err != nil {
		return 2
	}
	d.arches = strings.Split(*arches, ",")
	var made []string
	var err error
	switch args[0] {
	case "images":
		made, err = d.images(ctx, problems)
	case "manifests":
		made, err = d.manifests()
	case "release":
		made, err = d.release(ctx, problems)
	default:
		fs.Usage()
		return 2
	}
	for _, file := range made {
		_, _ = fmt.Fprintln(out, file)
	}
	if err != nil {
		_, _ = fmt.Fprintln(problems, "error:", err)
		return 1
	}
	return 0
}

// name is the name of the image of a controller, without its tag.
func (d dist) name(controller string) string { return d.registry + "/" + controller }

// folder makes a folder in out.
func (d dist) folder(names ...string) (string, error) {
	dir := filepath.Join(append([]string{d.out}, names...)...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make %s: %w", dir, err)
	}
	return dir, nil
}
