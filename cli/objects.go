// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// objectFlags say which Kubernetes objects are captured beside the PVCs of an application.
type objectFlags struct {
	all        bool
	selector   string
	interval   time.Duration
	recipe     string
	parameters []string
}

func (o *objectFlags) addTo(f *pflag.FlagSet) {
	f.BoolVar(&o.all, "kube-objects", false, "Capture the Kubernetes objects of the application too; without another flag about them, all of its namespaces")
	f.StringVar(&o.selector, "kube-object-selector", "", "Capture the Kubernetes objects with these labels")
	f.StringVar(&o.recipe, "recipe", "", "Capture the Kubernetes objects by this Recipe, as NAME or NAMESPACE/NAME")
	f.StringArrayVar(&o.parameters, "recipe-parameter", nil, "Parameter of the Recipe with its values, as NAME=VALUE,VALUE; may be repeated")
	f.DurationVar(&o.interval, "capture-interval", 0, "Time from one capture of Kubernetes objects to the next (default 5m)")
}

// spec is what the flags ask for; nil: nothing.
func (o *objectFlags) spec() (*v1alpha1.KubeObjectProtectionSpec, error) {
	if !o.all && o.selector == "" && o.recipe == "" && o.interval == 0 && o.parameters == nil {
		return nil, nil
	}
	out := &v1alpha1.KubeObjectProtectionSpec{}
	switch {
	case o.selector != "" && o.recipe != "":
		return nil, errors.New("--kube-object-selector and --recipe exclude each other: a Recipe says what is captured")
	case o.parameters != nil && o.recipe == "":
		return nil, errors.New("--recipe-parameter needs --recipe")
	case o.interval < 0:
		return nil, notNegative("capture-interval", o.interval)
	case o.interval > 0:
		out.CaptureInterval = &metav1.Duration{Duration: o.interval}
	}
	if o.selector != "" {
		var err error
		if out.KubeObjectSelector, err = metav1.ParseToLabelSelector(o.selector); err != nil {
			return nil, fmt.Errorf("read --kube-object-selector: %w", err)
		}
	}
	if o.recipe == "" {
		return out, nil
	}
	ref := &v1alpha1.RecipeRef{Name: o.recipe}
	if namespace, name, ok := strings.Cut(o.recipe, "/"); ok {
		ref = &v1alpha1.RecipeRef{Namespace: namespace, Name: name}
		if namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("--recipe=%s is no name: give NAME or NAMESPACE/NAME", o.recipe)
		}
	}
	out.RecipeRef = ref
	for _, p := range o.parameters {
		name, values, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--recipe-parameter=%s has no value: give NAME=VALUE,VALUE", p)
		}
		if out.RecipeParameters == nil {
			out.RecipeParameters = map[string][]string{}
		}
		out.RecipeParameters[name] = strings.Split(values, ",")
	}
	return out, nil
}
