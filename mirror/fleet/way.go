// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ramendr/ramen-direct/mirror/credential"
)

// way is the way to an API server that a kubeconfig in a file tells, with the content of the files that it names.
type way struct {
	config *rest.Config // names no file
	files  []string     // what it was read from, the kubeconfig first
	// tokenFile holds the token; empty: the kubeconfig does, or there is none.
	tokenFile string
	// sum is of all but the token, and of whether there is one.
	sum [sha256.Size]byte
}

// loadWay reads a kubeconfig.
func loadWay(kubeconfig string) (way, error) {
	w, err := readWay(kubeconfig)
	if err != nil {
		return w, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	return w, nil
}

func readWay(kubeconfig string) (way, error) {
	text, err := os.ReadFile(kubeconfig) //nolint:gosec // the file that the user of the program names
	if err != nil {
		return way{}, err
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return way{}, err
	}
	_, plain, err := credential.Split(text)
	if err != nil {
		return way{}, err
	}
	w := way{config: cfg, tokenFile: cfg.BearerTokenFile}
	for _, file := range []string{kubeconfig, cfg.CAFile, cfg.CertFile, cfg.KeyFile, cfg.BearerTokenFile} {
		if file != "" {
			w.files = append(w.files, file)
		}
	}
	if w.tokenFile != "" {
		token, err := os.ReadFile(w.tokenFile)
		if err != nil {
			return way{}, err
		}
		cfg.BearerToken, cfg.BearerTokenFile = strings.TrimSpace(string(token)), ""
		if cfg.BearerToken == "" {
			return way{}, fmt.Errorf("file %s holds no token", w.tokenFile)
		}
	}
	if err := rest.LoadTLSFiles(cfg); err != nil {
		return way{}, err
	}
	cfg.CAFile, cfg.CertFile, cfg.KeyFile = "", "", ""
	sum := sha256.New()
	for _, part := range [][]byte{plain, cfg.CAData, cfg.CertData, cfg.KeyData, fmt.Appendf(nil, "%q %t", w.tokenFile, cfg.BearerToken != "")} {
		each := sha256.Sum256(part)
		sum.Write(each[:])
	}
	w.sum = [sha256.Size]byte(sum.Sum(nil))
	return w, nil
}

// store puts a renewed token to where the present one is.
func (w way) store(token string) error {
	if w.tokenFile != "" {
		return replaceFile(w.tokenFile, []byte(token))
	}
	kubeconfig := w.files[0]
	text, err := os.ReadFile(kubeconfig) //nolint:gosec // the file that the user of the program names
	if err != nil {
		return err
	}
	if text, err = credential.WithToken(text, token); err != nil {
		return err
	}
	return replaceFile(kubeconfig, text)
}

// replaceFile writes a file by a rename, so that nobody reads half of it.
func replaceFile(file string, text []byte) error {
	unwritten := func(err error) error {
		cause := err
		if path, ok := errors.AsType[*os.PathError](err); ok {
			cause = path.Err // without the name of the temporary file, which differs each time
		}
		return credential.Unstored("file "+file, cause.Error())
	}
	fresh, err := os.CreateTemp(filepath.Dir(file), ".mirror-*")
	if err != nil {
		return unwritten(err)
	}
	defer func() { _ = os.Remove(fresh.Name()) }()
	_, err = fresh.Write(text)
	if err := errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return unwritten(err)
	}
	if err := os.Rename(fresh.Name(), file); err != nil {
		return unwritten(err)
	}
	return nil
}
