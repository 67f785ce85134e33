// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramendr/ramen-direct/cli/check"
	"github.com/ramendr/ramen-direct/cli/gather"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

func (c *commands) gather() *cobra.Command {
	var file string
	var contexts map[string]string
	var out output
	cmd := &cobra.Command{
		Use:   "gather",
		Short: "Collect what somebody needs who helps from afar, in one file",
		Long: `Collect what somebody needs who helps from afar, in one file: the objects of this
project on the hub, events, Leases, the controllers with the end of their logs, and
what status and validate say. Name a context for a cluster to collect there, too.

A Secret is never in it, only its names and a fingerprint. Configurations, labels
and logs are as they are: look at the file before you hand it on. What you may not
read is left out and listed.`,
		Example: `  kubectl ramen-direct gather
  kubectl ramen-direct gather --file incident.tar.gz --cluster-context dr1=east,dr2=west`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			g, err := c.collect(cmd.Context(), h, file, contexts)
			if err != nil {
				return err
			}
			return out.print(c, g, func(p *text.Page) error { return p.Gathered(g) })
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "File to write; it must not exist (default: named by the time, in this folder)")
	cmd.Flags().StringToStringVar(&contexts, "cluster-context", nil, "Collect on these clusters, too: their names on the hub, and contexts of the kubeconfig")
	out.addTo(cmd, "json", "yaml")
	return cmd
}

// collect writes the file, and removes it again if it can't be completed.
func (c *commands) collect(ctx context.Context, h *hub.Hub, file string, contexts map[string]string) (g *view.Gathering, err error) {
	at := c.env.Clock.Now().UTC()
	root := "ramen-gather-" + at.Format("20060102-150405")
	if file == "" {
		file = root + ".tar.gz"
	}
	f, err := os.OpenFile(filepath.Clean(file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("file %s exists already: name another one with --file", file)
	case err != nil:
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("write the archive: %w", e)
		}
		if err != nil {
			_ = os.Remove(filepath.Clean(file)) // half of it helps nobody
		}
	}()
	archive := gather.NewArchive(f, root, at, c.env.Version)
	if err := c.told(ctx, h, archive); err != nil {
		return nil, err
	}
	sources := []gather.Source{{Folder: "hub", Config: h.Config(), Kinds: gather.Hub(c.system, h.Boxes(ctx))}}
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		cluster, err := c.openContext("cluster-context", contexts[name])
		if err != nil {
			return nil, err
		}
		sources = append(sources, gather.Source{Folder: "clusters/" + strings.ReplaceAll(name, "/", "-"), Config: cluster.Config(), Kinds: gather.Cluster(c.system)})
	}
	for i := range sources {
		sources[i].Finger, sources[i].Archive = hub.Fingerprint, archive
		if err := sources[i].Collect(ctx); err != nil {
			return nil, err
		}
	}
	index, err := archive.Close()
	if err != nil {
		return nil, err
	}
	g = &view.Gathering{APIVersion: view.Version, Kind: "Gathering", File: file, Files: len(index.Files)}
	for _, m := range index.Missing {
		g.Missing = append(g.Missing, view.Missing{What: m.What, Reason: m.Reason})
	}
	return g, nil
}

// told puts into the archive what status and validate say.
func (c *commands) told(ctx context.Context, h *hub.Hub, archive *gather.Archive) error {
	for name, tell := range map[string]func() (any, error){
		"status.json": func() (any, error) {
			s, err := h.Look(ctx, hub.Selection{})
			if err != nil {
				return nil, err
			}
			return view.StatusOf(s), nil
		},
		"validation.json": func() (any, error) {
			facts, err := h.Checks(ctx, false)
			if err != nil {
				return nil, err
			}
			return check.All(facts, nil), nil
		},
	} {
		what, err := tell()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var raw []byte
		if err == nil {
			raw, err = json.MarshalIndent(what, "", "  ")
		}
		if err != nil {
			archive.Miss(name, err.Error())
			continue
		}
		if err := archive.Put(name, raw); err != nil {
			return err
		}
	}
	return nil
}
