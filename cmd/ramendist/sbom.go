// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The parts of an SPDX 2.3 document that are used here.
type (
	document struct {
		Version       string         `json:"spdxVersion"`
		License       string         `json:"dataLicense"`
		ID            string         `json:"SPDXID"`
		Name          string         `json:"name"`
		Namespace     string         `json:"documentNamespace"`
		Creation      creation       `json:"creationInfo"`
		Packages      []pkg          `json:"packages"`
		Relationships []relationship `json:"relationships"`
	}
	creation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	pkg struct {
		Name      string `json:"name"`
		ID        string `json:"SPDXID"`
		Version   string `json:"versionInfo,omitempty"`
		Download  string `json:"downloadLocation"`
		Analyzed  bool   `json:"filesAnalyzed"`
		Declared  string `json:"licenseDeclared"`
		Concluded string `json:"licenseConcluded"`
		Copyright string `json:"copyrightText"`
		// Checksums of a program.
		Checksums []checksum `json:"checksums,omitempty"`
		// Comment holds the hash of a module as go.sum has it: it is of a tree of files, not of one file.
		Comment  string     `json:"comment,omitempty"`
		External []external `json:"externalRefs,omitempty"`
	}
	checksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	external struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	relationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	unknown  = "NOASSERTION"
	spdxRoot = "SPDXRef-DOCUMENT"
)

var notInID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// program is a file of a release that was linked by Go.
type program struct {
	name, hash string
	made       *buildinfo.BuildInfo
}

// readPrograms reads programs, given as files by name, in the order of their names.
func readPrograms(files map[string]string) ([]program, error) {
	var out []program
	for _, name := range slices.Sorted(maps.Keys(files)) {
		made, err := buildinfo.ReadFile(files[name])
		if err != nil {
			return nil, fmt.Errorf("read what %s is made of: %w", name, err)
		}
		hash, err := hashOf(files[name])
		if err != nil {
			return nil, err
		}
		out = append(out, program{name, hash, made})
	}
	return out, nil
}

// sbom is the bill of materials of programs: the Go modules that the linker put into each. The same programs give the same bytes.
func sbom(version string, programs []program) ([]byte, error) {
	doc := document{Version: "SPDX-2.3", License: "CC0-1.0", ID: spdxRoot, Name: "ramen-direct-" + version,
		Creation: creation{Created: "1970-01-01T00:00:00Z", Creators: []string{"Tool: ramendist-" + version}}}
	modules := map[string]pkg{}
	for _, p := range programs {
		name, hash, info := p.name, p.hash, p.made
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				doc.Creation.Created = s.Value // so that the same commit gives the same document
			}
		}
		program := pkg{Name: name, ID: "SPDXRef-" + notInID.ReplaceAllString(name, "-"), Version: version, Download: "https://" + module,
			Declared: "Apache-2.0", Concluded: "Apache-2.0", Copyright: unknown, Checksums: []checksum{{"SHA256", hash}}}
		doc.Packages = append(doc.Packages, program)
		doc.Relationships = append(doc.Relationships, relationship{spdxRoot, "DESCRIBES", program.ID})
		uses := []pkg{moduleOf("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "")}
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			uses = append(uses, moduleOf(dep.Path, dep.Version, dep.Sum))
		}
		for _, m := range uses {
			modules[m.ID] = m
			doc.Relationships = append(doc.Relationships, relationship{program.ID, "DEPENDS_ON", m.ID})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(modules)) {
		doc.Packages = append(doc.Packages, modules[id])
	}
	content, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write bill of materials: %w", err)
	}
	digest := sha256.Sum256(content)
	doc.Namespace = "https://" + module + "/spdx/" + version + "-" + hex.EncodeToString(digest[:8])
	out, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write bill of materials: %w", err)
	}
	return append(out, '\n'), nil
}

func moduleOf(path, version, sum string) pkg {
	m := pkg{Name: path, ID: "SPDXRef-module-" + notInID.ReplaceAllString(path+"-"+version, "-"), Version: version, Download: unknown,
		Declared: unknown, Concluded: unknown, Copyright: unknown,
		External: []external{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}}
	if sum != "" {
		m.Comment = "go.sum: " + sum
	}
	return m
}
