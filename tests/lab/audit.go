// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// auditPolicy lets an API server note each write that it carried out or refused, but no content.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
`

// Write is a request that an API server was asked to carry out and that is not a read.
type Write struct {
	At          time.Time
	Verb        string
	User        string // system:serviceaccount:<namespace>:<name>
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Code        int32 // of the answer
}

func (w Write) String() string {
	resource := w.Resource
	if w.Subresource != "" {
		resource += "/" + w.Subresource
	}
	return fmt.Sprintf("%s %s %s/%s (%d)", w.Verb, resource, w.Namespace, w.Name, w.Code)
}

// By reports whether the write was asked for by a ServiceAccount.
func (w Write) By(id Identity) bool {
	return w.User == "system:serviceaccount:"+id.Namespace+":"+id.ServiceAccount
}

func (l *Lab) auditFile(cluster string) string {
	return filepath.Join(l.LogDir(), "audit-"+cluster+".json")
}

// auditArgs writes the policy and returns the arguments by which an API server keeps its log.
func (l *Lab) auditArgs(cluster string) ([]string, error) {
	policy := filepath.Join(l.dir, cluster, "audit.yaml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(policy), 0o755), os.WriteFile(policy, []byte(auditPolicy), 0o600)); err != nil {
		return nil, fmt.Errorf("write audit policy of %s: %w", cluster, err)
	}
	return []string{"--audit-policy-file=" + policy, "--audit-log-path=" + l.auditFile(cluster)}, nil
}

// Writes are the writes that the API server of a cluster was asked for since a moment, in their order.
func (l *Lab) Writes(cluster string, since time.Time) ([]Write, error) {
	file, err := os.Open(l.auditFile(cluster))
	if err != nil {
		return nil, fmt.Errorf("read audit log of %s: %w", cluster, err)
	}
	defer func() { _ = file.Close() }()
	var out []Write
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb string `json:"verb"`
			User struct {
				Username string `json:"username"`
			} `json:"user"`
			ObjectRef struct {
				Resource, Subresource, Namespace, Name string
			} `json:"objectRef"`
			ResponseStatus struct {
				Code int32 `json:"code"`
			} `json:"responseStatus"`
			At time.Time `json:"requestReceivedTimestamp"`
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			if strings.HasSuffix(lines.Text(), "}") {
				return nil, fmt.Errorf("read audit log of %s: %w", cluster, err)
			}
			break // the last line is still being written
		}
		if event.At.Before(since) {
			continue
		}
		ref := event.ObjectRef
		out = append(out, Write{
			At: event.At, Verb: event.Verb, User: event.User.Username,
			Resource: ref.Resource, Subresource: ref.Subresource, Namespace: ref.Namespace, Name: ref.Name, Code: event.ResponseStatus.Code,
		})
	}
	return out, lines.Err()
}
