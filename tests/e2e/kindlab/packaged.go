// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ramendr/ramen-direct/tests/e2e/kindlab/debian"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// BuiltVolSync is the name of the image of VolSync that is made here, of its Go module and of Debian's packages. Images of other names
// come from elsewhere.
const BuiltVolSync = "localhost/lab/volsync:v1"

// Names of the images that are made here of Debian's packages only.
const (
	PostgreSQLImage = "localhost/lab/postgresql:v1"
	MariaDBImage    = "localhost/lab/mariadb:v1"
)

// Numbers of the users that the databases run as, and of their groups.
const (
	postgres = 999
	mysql    = 998
)

// users is the file of users that the images have, with one in addition; none if their name is empty.
func users(name string, number int) []debian.File {
	passwd, group := "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n", "root:x:0:\nnogroup:x:65534:\n"
	if name != "" {
		id := strconv.Itoa(number)
		passwd += name + ":x:" + id + ":" + id + "::/tmp:/bin/sh\n"
		group += name + ":x:" + id + ":\n"
	}
	return []debian.File{
		{Path: "etc/passwd", Content: passwd, Mode: 0o644}, {Path: "etc/group", Content: group, Mode: 0o644},
		{Path: "tmp", Dir: true, Mode: 0o1777},
	}
}

var searchPath = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

// perl, and what else only scripts of packages call.
func unused() []string {
	return []string{"perl*", "libperl*", "adduser", "passwd", "libpam-*", "debconf", "usrmerge", "init-system-helpers", "ucf"}
}

// postgreSQL is the image. It has the server, its client and what checks it, and no locales but C.UTF-8.
func postgreSQL() debian.Image {
	return debian.Image{
		Name:     PostgreSQLImage,
		Packages: []string{"postgresql", "dash", "coreutils", "sed", "grep"},
		// Without LLVM it compiles no queries, which it does for long ones only. Locales are made by a script.
		Without: append(unused(), "libllvm*", "libz3-*", "locales", "libc-l10n"),
		Files: append(users("postgres", postgres),
			debian.File{Path: "var/lib/postgresql", Dir: true, Mode: 0o700, Owner: postgres},
			debian.File{Path: "var/run/postgresql", Dir: true, Mode: 0o775, Owner: postgres}),
		// Debian has the programs of each version in a folder of its own, and finds the right ones by a script in Perl.
		Links:  map[string]string{"usr/local/bin": "usr/lib/postgresql/*/bin/*"},
		Config: v1.Config{User: strconv.Itoa(postgres) + ":" + strconv.Itoa(postgres), WorkingDir: "/", Env: searchPath},
	}
}

// mariaDB is the image. It has the server, and the client.
func mariaDB() debian.Image {
	return debian.Image{
		Name:     MariaDBImage,
		Packages: []string{"mariadb-server-core", "mariadb-client-core", "dash", "coreutils", "sed", "grep", "hostname"},
		Without:  unused(),
		Files: append(users("mysql", mysql),
			debian.File{Path: "run/mysqld", Dir: true, Mode: 0o775, Owner: mysql},
			debian.File{Path: "etc/mysql/my.cnf", Content: "[client-server]\nsocket = /run/mysqld/mysqld.sock\n", Mode: 0o644}),
		Config: v1.Config{User: strconv.Itoa(mysql) + ":" + strconv.Itoa(mysql), WorkingDir: "/", Env: searchPath},
	}
}

// Databases gives both DR clusters the images of PostgreSQL and of MariaDB.
func (l *Lab) Databases(ctx context.Context) error {
	for name, img := range map[string]debian.Image{"postgresql": postgreSQL(), "mariadb": mariaDB()} {
		archive, err := l.packaged(ctx, name, img)
		if err != nil {
			return err
		}
		for _, spoke := range lab.Spokes() {
			if err := l.Load(spoke, archive); err != nil {
				return err
			}
		}
	}
	return nil
}

// buildVolSync writes the image of VolSync, with its manager and its mover by rsync over TLS, and returns the archive.
func (l *Lab) buildVolSync(ctx context.Context) (string, error) {
	module, err := source.Module(ctx, "github.com/backube/volsync")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(l.root, "dist", "bin", "lab", "volsync")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("build VolSync: %w", err)
	}
	if err := l.build(ctx, module, bin, "./cmd"); err != nil {
		return "", err
	}
	return l.packaged(ctx, "volsync", debian.Image{
		Name:     BuiltVolSync,
		Packages: []string{"bash", "coreutils", "findutils", "grep", "rsync", "stunnel4"},
		Without:  unused(),
		Files: append(users("", 0),
			debian.File{Path: "manager", From: filepath.Join(bin, "cmd"), Mode: 0o755},
			debian.File{Path: "mover-rsync-tls/client.sh", From: filepath.Join(module, "mover-rsync-tls", "client.sh"), Mode: 0o755},
			debian.File{Path: "mover-rsync-tls/server.sh", From: filepath.Join(module, "mover-rsync-tls", "server.sh"), Mode: 0o755}),
		Config: v1.Config{Entrypoint: []string{"/bin/bash"}, WorkingDir: "/", Env: searchPath},
	})
}

// packaged writes an image of Debian's packages, and returns the archive.
func (l *Lab) packaged(ctx context.Context, name string, img debian.Image) (string, error) {
	if err := debian.Available(); err != nil {
		return "", fmt.Errorf("image %s is made of packages of Debian: %w", img.Name, err)
	}
	l.log("image %s: make", img.Name)
	archive := filepath.Join(l.archives(), name+".tar")
	return archive, img.Write(ctx, filepath.Join(l.archives(), "debian"), archive)
}
