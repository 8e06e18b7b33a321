package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHandlesAreReadAsTheEFSDriverReadsThem(t *testing.T) {
	for handle, want := range map[string]volume{
		"fs-0123456789abcdef0":                        {fileSystem: "fs-0123456789abcdef0"},
		"fs-0123abcd:/a/../b":                         {fileSystem: "fs-0123abcd", path: "/b"},
		"fs-0123abcd::fsap-0123abcd":                  {fileSystem: "fs-0123abcd", accessPoint: "fsap-0123abcd"},
		"fs-0123abcd:/uploads:fsap-0123456789abcdef0": {fileSystem: "fs-0123abcd", path: "/uploads", accessPoint: "fsap-0123456789abcdef0"},
	} {
		got, err := parseHandle(handle)
		if err != nil || got != want {
			t.Errorf("parseHandle(%q) = %+v, %v; want %+v", handle, got, err, want)
		}
	}
}

func TestWrongHandlesAreRefusedWithTheReason(t *testing.T) {
	for handle, reason := range map[string]string{
		"vol-0123abcd":        "does not begin with a file system",
		"fs-xyz":              "does not begin with a file system",
		"fs-0123abcd:uploads": "is not absolute",
		"fs-0123abcd::ap-1":   "is no access point",
		"fs-0123abcd:/a:b:c":  "has 4 parts",
	} {
		if _, err := parseHandle(handle); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("parseHandle(%q) fails with %v; want %q", handle, err, reason)
		}
	}
}

func TestUnknownAttributesAndOptionsAreRefused(t *testing.T) {
	if _, err := (volume{}).applyAttributes(map[string]string{"fileSystemId": "fs-1"}); err == nil {
		t.Error("an unknown attribute was taken")
	}
	if _, err := (volume{}).applyOptions([]string{"tls", "turbo"}); err == nil {
		t.Error("an unknown mount option was taken")
	}
	got, err := (volume{}).applyOptions([]string{"tls", "accesspoint=fsap-0123abcd"})
	if err != nil || got.accessPoint != "fsap-0123abcd" {
		t.Errorf("accesspoint option gave %+v, %v", got, err)
	}
}

func TestAPathHasToExistAndAFileSystemComesToBe(t *testing.T) {
	shared := t.TempDir()
	if _, err := (volume{fileSystem: "fs-0123abcd"}).source(shared); err != nil {
		t.Fatal(err)
	}
	missing := volume{fileSystem: "fs-0123abcd", path: "/uploads"}
	if _, err := missing.source(shared); err == nil {
		t.Error("a path that does not exist was mounted")
	}
	if err := os.Mkdir(filepath.Join(shared, "fs-0123abcd", "uploads"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := missing.source(shared); err != nil {
		t.Error(err)
	}
}

func TestReservedIdentifiersNeverExist(t *testing.T) {
	for _, wrong := range []volume{
		{fileSystem: "fs-00000000"},
		{fileSystem: "fs-0123abcd", accessPoint: "fsap-00000000"},
	} {
		if _, err := wrong.source(t.TempDir()); err == nil {
			t.Errorf("%+v was mounted", wrong)
		}
	}
}
