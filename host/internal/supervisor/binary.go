package supervisor

import (
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// checkBinary refuses what must not be started: what is no program, what
// others could have changed, and what is not the file that was pinned.
func checkBinary(path, pinned string) error {
	refuse := func(reason, hint string) error { return &StartError{Path: path, Reason: reason, Hint: hint} }
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return &StartError{Path: path, Reason: reasonOf(err), Hint: "install the plugin there, or correct the path", Err: err}
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return &StartError{Path: path, Reason: reasonOf(err), Err: err}
	case info.IsDir():
		return refuse("it is a folder", "name the program inside it")
	case !info.Mode().IsRegular():
		return refuse("it is not a regular file", "name a program")
	case info.Mode().Perm()&0o111 == 0:
		return refuse("it is not executable", "if it is a program: chmod +x "+real)
	case info.Mode().Perm()&0o022 != 0:
		return refuse(fmt.Sprintf("others may change it (mode %s)", info.Mode().Perm()), "chmod go-w "+real)
	}
	folder := filepath.Dir(real)
	if info, err = os.Stat(folder); err != nil {
		return &StartError{Path: path, Reason: reasonOf(err), Err: err}
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return refuse(fmt.Sprintf("others may put another file in its place (mode %s of %s)", info.Mode().Perm(), folder), "chmod go-w "+folder)
	}
	if pinned == "" {
		return nil
	}
	sum, err := checksum(real)
	if err != nil {
		return &StartError{Path: path, Reason: reasonOf(err), Err: err}
	}
	if want := strings.TrimPrefix(strings.ToLower(pinned), "sha256:"); sum != want {
		return refuse(fmt.Sprintf("its sha256 is %s, and events.yaml pins %s", sum, want),
			"if you have installed a new version, put its checksum in events.yaml")
	}
	return nil
}

// checksum is the SHA-256 of a file, in hex.
func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reasonOf leaves out the path that os errors repeat.
func reasonOf(err error) string {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	return err.Error()
}

// explainExec says why the kernel would not run a file.
func explainExec(path string, err error) *StartError {
	e := &StartError{Path: path, Reason: reasonOf(err), Err: err}
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		e.Reason, e.Hint = notRunnable(path)
	case errors.Is(err, fs.ErrNotExist):
		e.Reason, e.Hint = missingInterpreter(path)
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "chmod +x " + path + ", and look whether its file system is mounted noexec"
	case errors.Is(err, syscall.ETXTBSY):
		e.Reason, e.Hint = "it is still being written", "install a plugin under another name and rename it"
	}
	return e
}

func notRunnable(path string) (reason, hint string) {
	build := fmt.Sprintf("build it with GOOS=%s GOARCH=%s", runtime.GOOS, runtime.GOARCH)
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		return fmt.Sprintf("it is built for %s, and this machine is %s", f.Machine, runtime.GOARCH), build
	}
	if f, err := macho.Open(path); err == nil {
		defer f.Close()
		return fmt.Sprintf("it is built for macOS %s, and this machine is %s/%s", f.Cpu, runtime.GOOS, runtime.GOARCH), build
	}
	if head := firstBytes(path, 2); head == "MZ" {
		return "it is built for Windows", build
	}
	return "it is not a program for this machine", "a script needs a first line such as #!/usr/bin/env python3; a program: " + build
}

func missingInterpreter(path string) (reason, hint string) {
	line, _, _ := strings.Cut(firstBytes(path, 256), "\n")
	if interpreter, ok := strings.CutPrefix(line, "#!"); ok {
		return fmt.Sprintf("its interpreter %q is missing", strings.TrimSpace(interpreter)), "install it, or correct the first line"
	}
	return "a library or loader that it needs is missing", "build it with CGO_ENABLED=0, or install what ldd " + path + " does not find"
}

func firstBytes(path string, n int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, n))
	return string(head)
}
