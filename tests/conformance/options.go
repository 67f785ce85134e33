// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
)

// Cluster is one of the two clusters.
type Cluster struct {
	Name   string
	Config *rest.Config
}

// Options of a run.
type Options struct {
	Clusters [2]Cluster
	// StorageClass, ReplicationClass and SnapshotClass are names that both clusters have. Without SnapshotClass nothing is asked of
	// snapshots. ReplicationClass has the parameter schedulingInterval.
	StorageClass, ReplicationClass, SnapshotClass string
	// Namespace is the beginning of the names of all namespaces that are made.
	Namespace string
	// Definitions is the folder with the CustomResourceDefinitions of the project. Those that are missing are made, and removed.
	Definitions string
	// Size of the volumes, as a quantity.
	Size string
	// Tokens is the container that appends a word to the file "tokens" of the volume "data", unless the word is empty, and ends
	// with the content of that file as its termination message.
	Tokens func(word string) corev1.Container
	// Interval is how long the scheduling interval of ReplicationClass really lasts; zero: as the class says.
	Interval time.Duration
	// Patience is how long each promise may take, and Look how often the clusters are looked at.
	Patience, Look time.Duration
	// Scenarios are those to run; none: all for which a class is named.
	Scenarios []string
	// Log gets a line for each promise as soon as it is decided; nil: nobody.
	Log io.Writer
}

// Shell is Options.Tokens for an image with a shell.
func Shell(image string) func(word string) corev1.Container {
	const script = `if [ -n "$WORD" ]; then echo "$WORD" >> /data/tokens && sync || exit 1; fi; cat /data/tokens > /dev/termination-log`
	return func(word string) corev1.Container {
		return corev1.Container{
			Name: "tokens", Image: image, Command: []string{"sh", "-c", script},
			Env: []corev1.EnvVar{{Name: "WORD", Value: word}},
		}
	}
}

// complete sets what was left out.
func (o Options) complete() (Options, error) {
	for i, c := range o.Clusters {
		if c.Config == nil {
			return o, fmt.Errorf("cluster %d has no kubeconfig: two are needed", i+1)
		}
	}
	if o.StorageClass == "" || o.ReplicationClass == "" {
		return o, errors.New("a StorageClass and a VolumeReplicationClass have to be named")
	}
	if o.Clusters[0].Name == o.Clusters[1].Name {
		o.Clusters[0].Name, o.Clusters[1].Name = "first", "second"
	}
	if o.Namespace == "" {
		o.Namespace = "ramen-conformance"
	}
	if o.Size == "" {
		o.Size = "1Gi"
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	if o.Look == 0 {
		o.Look = time.Second
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, nil
}
