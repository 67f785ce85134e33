// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxPlain is the largest object after decompression, in bytes. An API server refuses objects over 1.5 MiB.
const MaxPlain = 4 << 20

// ErrTooLarge means that an object is over MaxPlain.
var ErrTooLarge = errors.New("object is too large")

// Object is one object as it is stored.
type Object struct {
	Body []byte // gzip of JSON
	Sum  string // SHA-256 of the JSON, in hexadecimal
}

// Kept says that a store should hold what it holds already, if anything.
func (o Object) Kept() bool { return o.Body == nil }

// Encode makes the stored form of v.
func Encode(v any) (Object, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return Object{}, fmt.Errorf("encode: %w", err)
	}
	plain = append(plain, '\n')
	if len(plain) > MaxPlain {
		return Object{}, fmt.Errorf("encode: %w: %d bytes", ErrTooLarge, len(plain))
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(plain); err != nil {
		return Object{}, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return Object{}, fmt.Errorf("compress: %w", err)
	}
	return Object{Body: buf.Bytes(), Sum: sum(plain)}, nil
}

// Decode reads a stored body into v and returns its checksum. A body that would grow beyond MaxPlain fails with
// ErrTooLarge, however small it is.
func Decode(body []byte, v any) (string, error) {
	plain, err := unzip(body)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return "", fmt.Errorf("decode: %w", err)
	}
	return sum(plain), nil
}

func unzip(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxPlain+1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("decompress: %w: over %d bytes", ErrTooLarge, MaxPlain)
	}
	return plain, nil
}

func sum(plain []byte) string {
	s := sha256.Sum256(plain)
	return hex.EncodeToString(s[:])
}
