// SPDX-License-Identifier: Apache-2.0

// Package ramenconfig reads RamenConfig, the configuration in Ramen's format and under Ramen's names: a ConfigMap with
// the key ramen_manager_config.yaml. It is read live at each use and never written. Fields that are not known are
// reported, not dropped silently; an explicit false stays false.
package ramenconfig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Names of the ConfigMaps and of their key.
const (
	HubConfigMap   = "ramen-hub-operator-config"
	SpokeConfigMap = "ramen-dr-cluster-operator-config"
	Key            = "ramen_manager_config.yaml"
)

// Config is what this project reads of RamenConfig.
type Config struct {
	S3StoreProfiles   []S3StoreProfile `json:"s3StoreProfiles,omitempty"`
	RamenOpsNamespace string           `json:"ramenOpsNamespace,omitempty"`
	// AppNamespacesFrom lists the namespaces whose DRPlacementControls may be about another namespace, by annotation
	// app-namespace; "*": all. An addition to Ramen's.
	AppNamespacesFrom         []string             `json:"appNamespacesFrom,omitempty"`
	MaxConcurrentReconciles   int                  `json:"maxConcurrentReconciles,omitempty"`
	DrClusterOperator         DrClusterOperator    `json:"drClusterOperator,omitzero"`
	VolSync                   VolSync              `json:"volSync,omitzero"`
	KubeObjectProtection      KubeObjectProtection `json:"kubeObjectProtection,omitzero"`
	MultiNamespace            MultiNamespace       `json:"multiNamespace,omitzero"`
	VolumeUnprotectionEnabled *bool                `json:"volumeUnprotectionEnabled,omitempty"`

	// Unknown lists the paths of fields that this project does not know, sorted.
	Unknown []string `json:"-"`
}

// S3StoreProfile is one object store.
type S3StoreProfile struct {
	S3ProfileName        string                 `json:"s3ProfileName"`
	S3Bucket             string                 `json:"s3Bucket"`
	S3CompatibleEndpoint string                 `json:"s3CompatibleEndpoint"`
	S3Region             string                 `json:"s3Region"`
	S3SecretRef          corev1.SecretReference `json:"s3SecretRef"`
	// CACertificates is a PEM bundle, in base64 as JSON has it. Empty: the system's.
	CACertificates []byte `json:"caCertificates,omitempty"`
}

// DrClusterOperator tells where the operator runs on the clusters.
type DrClusterOperator struct {
	S3SecretDistributionEnabled *bool  `json:"s3SecretDistributionEnabled,omitempty"`
	NamespaceName               string `json:"namespaceName,omitempty"`
}

// VolSync tunes the VolSync technique.
type VolSync struct {
	Disabled              *bool  `json:"disabled,omitempty"`
	DestinationCopyMethod string `json:"destinationCopyMethod,omitempty"`
	// ServiceType is that of the Services at which destinations listen. Empty: LoadBalancer. An addition to Ramen's.
	ServiceType string `json:"serviceType,omitempty"`
	// ServiceAnnotations are put on those Services. An addition to Ramen's.
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
}

// KubeObjectProtection tunes the capture of Kubernetes objects.
type KubeObjectProtection struct {
	Disabled *bool `json:"disabled,omitempty"`
	// VeleroNamespaceName is where Velero runs on the clusters. Empty: it gets no keys.
	VeleroNamespaceName string `json:"veleroNamespaceName,omitempty"`
}

// MultiNamespace tunes applications that span namespaces.
type MultiNamespace struct {
	FeatureEnabled   *bool `json:"FeatureEnabled,omitempty"`
	VolsyncSupported *bool `json:"volsyncSupported,omitempty"`
}

// Defaults of fields that are absent.
const (
	DefaultRamenOpsNamespace      = "ramen-ops"
	DefaultSpokeOperatorNamespace = "ramen-system"
)

// AnyNamespace stands for all namespaces in AppNamespacesFrom.
const AnyNamespace = "*"

// ErrNotFound means that the ConfigMap or its key is missing.
var ErrNotFound = errors.New("configuration not found")

// parsed are the texts that were parsed last, by the name of their ConfigMap: each pass of each controller reads the
// configuration, which hardly ever changes.
var parsed sync.Map

type result struct {
	text   string
	config *Config
	err    error
}

// parse is Parse, of a text that was often parsed before. What it returns is shared.
func parse(name, text string) (*Config, error) {
	if last, ok := parsed.Load(name); ok && last.(*result).text == text {
		return last.(*result).config, last.(*result).err
	}
	cfg, err := Parse([]byte(text))
	parsed.Store(name, &result{text, cfg, err})
	return cfg, err
}

// Load reads the configuration from the ConfigMap namespace/name. Its errors name the ConfigMap and the field. The callers
// share what it returns, and must not change it.
func Load(ctx context.Context, r client.Reader, namespace, name string) (*Config, error) {
	cm := &corev1.ConfigMap{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, cm); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil, fmt.Errorf("ConfigMap %s/%s: %w", namespace, name, ErrNotFound)
		}
		return nil, fmt.Errorf("read ConfigMap %s/%s: %w", namespace, name, err)
	}
	text, ok := cm.Data[Key]
	if !ok {
		return nil, fmt.Errorf("ConfigMap %s/%s has no key %s: %w", namespace, name, Key, ErrNotFound)
	}
	cfg, err := parse(name, text)
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s, key %s: %w", namespace, name, Key, err)
	}
	return cfg, nil
}

// Parse reads a RamenConfig.
func Parse(text []byte) (*Config, error) {
	cfg := &Config{}
	if err := yaml.Unmarshal(text, cfg); err != nil {
		return nil, fmt.Errorf("not a RamenConfig: %w", err)
	}
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return nil, fmt.Errorf("not a RamenConfig: %w", err)
	}
	cfg.Unknown = unknown(given)
	if cfg.RamenOpsNamespace == "" {
		cfg.RamenOpsNamespace = DefaultRamenOpsNamespace
	}
	if cfg.DrClusterOperator.NamespaceName == "" {
		cfg.DrClusterOperator.NamespaceName = DefaultSpokeOperatorNamespace
	}
	return cfg, cfg.validate()
}

func (c *Config) validate() error {
	seen := map[string]bool{}
	for i, p := range c.S3StoreProfiles {
		at := fmt.Sprintf("s3StoreProfiles[%d]", i)
		if p.S3ProfileName == "" {
			return fmt.Errorf("%s.s3ProfileName is empty: name the profile", at)
		}
		if seen[p.S3ProfileName] {
			return fmt.Errorf("%s.s3ProfileName %q is used twice: names must differ", at, p.S3ProfileName)
		}
		seen[p.S3ProfileName] = true
	}
	return nil
}

// Profile finds a profile by its name.
func (c *Config) Profile(name string) (S3StoreProfile, error) {
	names := make([]string, 0, len(c.S3StoreProfiles))
	for _, p := range c.S3StoreProfiles {
		if p.S3ProfileName == name {
			return p, nil
		}
		names = append(names, p.S3ProfileName)
	}
	return S3StoreProfile{}, fmt.Errorf("s3StoreProfiles has no profile %q (it has: %s)", name, strings.Join(names, ", "))
}

// MayNameOthers reports whether a DRPlacementControl in namespace may be about another namespace than its own.
func (c *Config) MayNameOthers(namespace string) bool {
	return slices.Contains(c.AppNamespacesFrom, namespace) || slices.Contains(c.AppNamespacesFrom, AnyNamespace)
}

// Enabled is the value of a switch that is on unless it is set to false.
func Enabled(b *bool) bool { return b == nil || *b }

// On is the value of a switch that is off unless it is set to true.
func On(b *bool) bool { return b != nil && *b }
