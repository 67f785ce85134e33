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
	"sigs.k8s.io/yaml"

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

// asYAML has the same fields. YAML escapes only some of what a terminal obeys; the rest is shown as text shows it.
func asYAML(envelope any) ([]byte, error) {
	raw, err := json.Marshal(envelope)
	if err != nil {
		return nil, err
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	clean, err := json.Marshal(cleaned(tree))
	if err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(clean)
}

func cleaned(tree any) any {
	switch t := tree.(type) {
	case string:
		return text.Clean(t)
	case []any:
		for i := range t {
			t[i] = cleaned(t[i])
		}
		return t
	case map[string]any:
		for k, v := range t {
			t[k] = cleaned(v)
		}
		return t
	default:
		return tree
	}
}
