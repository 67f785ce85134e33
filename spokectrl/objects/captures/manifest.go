// SPDX-License-Identifier: Apache-2.0

package captures

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// version of the manifest's format. A reader refuses what it does not know.
const version = 1

const manifestName = "manifest.json"

// Manifest says what a capture is made of. It is plain JSON, for people to read: the parts are not.
type Manifest struct {
	Version    int       `json:"version"`
	Engine     string    `json:"engine"`
	Format     string    `json:"format"` // of the parts, by the engine
	ID         string    `json:"id"`
	Cluster    string    `json:"cluster"`
	Generation int64     `json:"generation"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	// Keys are the key of the parts, sealed for each cluster that may read them, by its public key.
	Keys  map[string][]byte `json:"keys"`
	Steps []Step            `json:"steps"`
	// Notes are what is to be told of no step in particular.
	Notes objects.Findings `json:"notes,omitzero"`
}

// Step is what one step of a capture stored.
type Step struct {
	Name     string           `json:"name"`
	Version  string           `json:"resourceVersion,omitempty"`
	Counts   map[string]int   `json:"counts,omitempty"` // of objects, by type
	Findings objects.Findings `json:"findings,omitzero"`
	// Kept is what could not be read and was taken from an earlier capture, and when that was made.
	Kept  map[string]time.Time `json:"kept,omitempty"`
	Parts []Part               `json:"parts"`
}

// Part is one object of a store: gzip of what the engine made, encrypted.
type Part struct {
	Name   string `json:"name"`   // its number
	SHA256 string `json:"sha256"` // of the object in the store
}

// Findings are those of all steps, and the notes.
func (m *Manifest) Findings() (out objects.Findings) {
	out.Join(m.Notes)
	for _, s := range m.Steps {
		out.Join(s.Findings)
	}
	return out
}

func decodeManifest(body []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("decode it: %w", err)
	}
	if m.Version != version {
		return nil, fmt.Errorf("its version is %d, and this cluster reads %d", m.Version, version)
	}
	return m, nil
}

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// secret is the key of the parts of one capture, and of no other: so a number that counts its parts is never used twice.
type secret struct {
	aead  cipher.AEAD
	about string
}

const secretBytes = 32

// newSecret makes a key, and seals it for recipients.
func newSecret(about string, recipients []string) (secret, map[string][]byte, error) {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // it never fails
	sealed := map[string][]byte{}
	for _, public := range recipients {
		text, err := capsule.Seal(public, about, key)
		if err != nil {
			return secret{}, nil, err
		}
		sealed[public] = text
	}
	s, err := secretOf(about, key)
	return s, sealed, err
}

func secretOf(about string, key []byte) (secret, error) {
	if len(key) != secretBytes {
		return secret{}, errors.New("the key of the parts has another length")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return secret{}, fmt.Errorf("use the key of the parts: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return secret{}, fmt.Errorf("use the key of the parts: %w", err)
	}
	return secret{aead, about}, nil
}

func (s secret) nonce(part uint64) []byte {
	out := make([]byte, s.aead.NonceSize())
	binary.BigEndian.PutUint64(out[len(out)-8:], part)
	return out
}

// about is what is encrypted with a part, so that it fits nowhere else.
func (s secret) of(name string) []byte { return []byte(s.about + "/" + name) }

func (s secret) encode(number uint64, name string, plain []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return s.aead.Seal(nil, s.nonce(number), buf.Bytes(), s.of(name)), nil
}

func (s secret) decode(number uint64, name string, body []byte) ([]byte, error) {
	zipped, err := s.aead.Open(nil, s.nonce(number), body, s.of(name))
	if err != nil {
		return nil, errors.New("it can't be decrypted: it was changed, or belongs elsewhere")
	}
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, objects.MaxPart+1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if len(plain) > objects.MaxPart {
		return nil, fmt.Errorf("decompress: %w", capsule.ErrTooLarge)
	}
	return plain, nil
}
