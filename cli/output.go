// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/ramendr/ramen-direct/cli/text"
)

// output is the flag -o of a command.
type output struct {
	format string
	offers []string
}

func (o *output) addTo(cmd *cobra.Command, offers ...string) {
	o.offers = offers
	cmd.Flags().StringVarP(&o.format, "output", "o", "", "Output format: "+strings.Join(offers, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(offers, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

func (o *output) check() error {
	if o.format != "" && !slices.Contains(o.offers, o.format) {
		return fmt.Errorf("-o %s is not known: choose %s", o.format, strings.Join(o.offers, ", "))
	}
	return nil
}

// print writes an envelope as the user wants it; for people by write.
func (o *output) print(c *commands, envelope any, write func(*text.Page) error) error {
	var raw []byte
	var err error
	switch o.format {
	case "json":
		raw, err = asJSON(envelope)
	case "yaml":
		raw, err = asYAML(envelope)
	default:
		return write(c.page())
	}
	if err != nil {
		return fmt.Errorf("print as %s: %w", o.format, err)
	}
	_, err = c.env.Out.Write(raw)
	return err
}

// asJSON is exact, and safe on a terminal: what a terminal obeys is written as JSON escapes it.
func asJSON(envelope any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(envelope); err != nil {
		return nil, err
	}
	var safe strings.Builder
	for _, r := range out.String() {
		if s := string(r); r == '\n' || text.Clean(s) == s {
			safe.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&safe, `\u%04x`, unit)
		}
	}
	return []byte(safe.String()), nil
}

// asYAML has the same fields, in the same order, and is as safe: a string with something that a terminal obeys is quoted, and has
// that as an escape.
func asYAML(envelope any) ([]byte, error) {
	raw, err := json.Marshal(envelope)
	if err != nil {
		return nil, err
	}
	tree := &yaml.Node{}
	if err := yaml.Unmarshal(readable(raw), tree); err != nil {
		return nil, err
	}
	styled(tree)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(tree); err != nil {
		return nil, err
	}
	var safe strings.Builder
	for _, r := range out.String() {
		switch s := string(r); {
		case r == '\n' || text.Clean(s) == s:
			safe.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&safe, `\U%08x`, r)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	return []byte(safe.String()), nil
}

// readable is JSON that is YAML, too: some control characters may be in a string of JSON as they are, and are no YAML.
func readable(raw []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(raw) {
		if r >= 0x7f && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

// styled lets the encoder choose how to write a tree, but for strings that have to be quoted.
func styled(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		if shown := strings.ReplaceAll(n.Value, "\n", ""); text.Clean(shown) != shown {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, c := range n.Content {
		styled(c)
	}
}
