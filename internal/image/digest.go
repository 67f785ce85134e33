// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// indexFile is the file of a layout that names what is in it.
const indexFile = "index.json"

// Digest is the digest of the image in an archive that Write wrote: it is another one whenever the content is.
func Digest(file string) (digest string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read image: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read image %s: it has no %s", file, indexFile)
		}
		if err != nil {
			return "", fmt.Errorf("read image %s: %w", file, err)
		}
		if header.Name != indexFile {
			continue
		}
		index, err := v1.ParseIndexManifest(r)
		if err != nil {
			return "", fmt.Errorf("read image %s: %w", file, err)
		}
		if len(index.Manifests) != 1 {
			return "", fmt.Errorf("read image %s: it holds %d images, want one", file, len(index.Manifests))
		}
		return index.Manifests[0].Digest.String(), nil
	}
}
