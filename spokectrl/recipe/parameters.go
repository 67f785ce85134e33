// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// reference is a parameter in a text. Others that look like one are left as they are: shells have variables, too.
var reference = regexp.MustCompile(`\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// Ways in which a text takes values. The path of a field says which it is.
var (
	isCommand   = regexp.MustCompile(`^spec\.hooks\[[^]]*\]\.ops\[[^]]*\]\.command$`)
	isManifests = regexp.MustCompile(`^spec\.jobs\[[^]]*\]$`)
	isCondition = regexp.MustCompile(`^spec\.hooks\[[^]]*\]\.chks\[[^]]*\]\.condition$`)
	// isReach is what decides which objects a step touches. There a name that is left over would select something else, or
	// nothing.
	isReach = regexp.MustCompile(`amespace|abelSelector|ameSelector|ResourceTypes|selectResource|backupRef|\.sequence`)

	isLabel = regexp.MustCompile(`\[[^]]*\]`)
	plain   = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
)

// manifestOf separates the path of a manifest from that of a field in it.
const manifestOf = "#"

// reaches reports whether the field at path decides which objects a step touches.
func reaches(path string) bool {
	return !strings.Contains(path, manifestOf) && isReach.MatchString(isLabel.ReplaceAllString(path, ""))
}

// walk replaces the parameters in a tree.
func (r *resolver) walk(path string, node any) any {
	switch v := node.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			name := key
			if strings.HasSuffix(path, ".matchLabels") {
				name = r.text(path+"."+key, key)
			}
			if _, twice := out[name]; twice {
				r.add(path, fmt.Sprintf("with its parameters it has key %q twice", name), "give the parameters different values")
			}
			if text, ok := v[key].(string); ok && isManifests.MatchString(path) {
				out[name] = r.manifest(path+"."+key, text)
				continue
			}
			out[name] = r.walk(path+"."+key, v[key])
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for i, item := range v {
			at := path + "[" + label(i, item) + "]"
			if text, ok := item.(string); ok {
				for _, one := range r.item(at, text) {
					out = append(out, one)
				}
				continue
			}
			out = append(out, r.walk(at, item))
		}
		return out
	case string:
		switch {
		case isCommand.MatchString(path):
			return r.command(path, v)
		case isCondition.MatchString(path):
			return r.condition(path, v)
		default:
			return r.text(path, v)
		}
	default:
		return node
	}
}

// label names an item of a list: by its name, as users do, else by its position.
func label(i int, item any) string {
	if fields, ok := item.(map[string]any); ok {
		if name, ok := fields["name"].(string); ok && plain.MatchString(name) {
			return name
		}
	}
	return strconv.Itoa(i)
}

// item is what stands for one item of a list of texts: where it is a parameter and nothing else, all its values.
func (r *resolver) item(path, text string) []string {
	if m := reference.FindStringSubmatch(text); m != nil && m[0] == text {
		if values, ok := r.app.Parameters[m[1]+m[2]]; ok {
			r.used[m[1]+m[2]] = true
			return values
		}
	}
	return []string{r.text(path, text)}
}

// text replaces the parameters within a text, where each has to have one value.
func (r *resolver) text(path, text string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		m := reference.FindStringSubmatch(found)
		name := m[1] + m[2]
		values, ok := r.app.Parameters[name]
		switch {
		case !ok && reaches(path):
			r.add(path, fmt.Sprintf("parameter %s has no value", name), "add it to kubeObjectProtection.recipeParameters")
			return found
		case !ok:
			return found
		}
		r.used[name] = true
		if len(values) != 1 {
			r.add(path, fmt.Sprintf("parameter %s has %d values, and there is room for one here", name, len(values)),
				"give it one value, or use it as a whole item of a list")
			return found
		}
		return values[0]
	})
}

// command separates the words before it replaces the parameters: none can add a word, but where a word is a parameter and
// nothing else, each of its values becomes one.
func (r *resolver) command(path, text string) string {
	words, err := split(text)
	if err != nil {
		r.add(path, err.Error(), `close the quote, or write the command as a list: ["sh", "-c", "..."]`)
		return text
	}
	out := []string{}
	for i, word := range words {
		out = append(out, r.item(path+"["+strconv.Itoa(i)+"]", word)...)
	}
	return encoded(out)
}

// manifest replaces the parameters in the fields of a manifest.
func (r *resolver) manifest(path, text string) string {
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
		r.add(path, "it is no YAML: "+err.Error(), "correct the manifest of the Job")
		return text
	}
	return encoded(r.walk(path+manifestOf, fields))
}

// condition replaces the parameters in an expression, unless a value would change what it means.
func (r *resolver) condition(path, text string) string {
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		for _, value := range r.app.Parameters[m[1]+m[2]] {
			if strings.ContainsAny(value, `'"{}`) {
				r.add(path, fmt.Sprintf("the value of parameter %s has a quote or a brace, which would change the condition", m[1]+m[2]), "use a value without")
				return text
			}
		}
	}
	return r.text(path, text)
}

func (r *resolver) unusedParameters() {
	for _, name := range slices.Sorted(maps.Keys(r.app.Parameters)) {
		if !r.used[name] {
			r.note("recipeParameters."+name, "the Recipe does not use it", "correct its name, or remove it")
		}
	}
}

// encoded is JSON that is meant to be read by people, too.
func encoded(v any) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}
