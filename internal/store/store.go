// SPDX-License-Identifier: Apache-2.0

// Package store is the object store in which the metadata of protected applications is kept. It promises that an error
// says which profile failed and how (Reason), and that a missing object is told from a store that does not answer.
package store

import (
	"context"
	"errors"
	"fmt"
)

// Store is one bucket. Implementations are safe for concurrent use.
type Store interface {
	// Profile is the name of the profile behind the store.
	Profile() string
	// Put writes an object, whole.
	Put(ctx context.Context, key string, body []byte) error
	// Get reads an object; ErrNotFound if there is none. At most MaxObject bytes are read.
	Get(ctx context.Context, key string) ([]byte, error)
	// Read is Get, with the version of the object, for Replace; AbsentVersion and ErrNotFound if there is none.
	Read(ctx context.Context, key string) ([]byte, Version, error)
	// Replace writes an object, whole, if it still has the version was, and returns the new version. ErrChanged if it has
	// another one, ErrUnconditional if the server says that it can't write so. There are servers that write all the same, and
	// say nothing.
	Replace(ctx context.Context, key string, body []byte, was Version) (Version, error)
	// List returns the keys that start with prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes objects; missing ones are no error.
	Delete(ctx context.Context, keys ...string) error
	// Check asks whether the bucket exists and may be listed.
	Check(ctx context.Context) error
}

// Version tells apart what an object held over time; only its own store can compare it.
type Version string

// AbsentVersion is the version of an object that does not exist.
const AbsentVersion Version = ""

// ErrChanged means that an object is not, any more, what the write was to replace.
var ErrChanged = errors.New("somebody else has written the object")

// ErrUnconditional means that the server writes unconditionally or not at all.
var ErrUnconditional = errors.New("the store does not support conditional writes")

// MaxObject is the largest object that is read, in bytes: a bound against hostile or broken stores.
const MaxObject = 8 << 20

// ErrNotFound means that the store answered that there is no such object.
var ErrNotFound = errors.New("object not found")

// Reason says how a store failed.
type Reason string

// Reasons.
const (
	ReasonBadProfile     Reason = "BadProfile"     // the profile itself can't be used
	ReasonSecretNotFound Reason = "SecretNotFound" // the Secret of the profile or one of its keys is missing
	ReasonUnreachable    Reason = "Unreachable"    // no answer: name, network, TLS, time
	ReasonAccessDenied   Reason = "AccessDenied"   // wrong key or no permission
	ReasonBucketNotFound Reason = "BucketNotFound"
	ReasonTooLarge       Reason = "TooLarge" // an object over MaxObject
	ReasonRefused        Reason = "Refused"  // what it holds is not believed
	ReasonError          Reason = "Error"    // anything else
)

// Error is a failure of one store.
type Error struct {
	Profile string
	Reason  Reason
	Err     error
}

func (e *Error) Error() string {
	return fmt.Sprintf("S3 profile %s: %s: %v", e.Profile, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf is the Reason of the first *Error in err's tree; ReasonError if there is none.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ReasonError
}

// Lost reports whether err is what a store that is lost for good would answer, or would not.
func Lost(err error) bool {
	switch ReasonOf(err) {
	case ReasonUnreachable, ReasonBucketNotFound:
		return true
	case ReasonBadProfile, ReasonSecretNotFound, ReasonAccessDenied, ReasonTooLarge, ReasonRefused, ReasonError:
	}
	return false
}

// Config is what is needed to open a store.
type Config struct {
	Profile   string
	Endpoint  string // URL
	Bucket    string
	Region    string
	AccessKey string
	SecretKey string
	CA        []byte // PEM; empty: the system's
}

// Opener opens a store. It does not talk to it yet.
type Opener func(Config) (Store, error)
