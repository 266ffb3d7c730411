//go:build unix && !linux

package main

import "syscall"

// ownGroup puts the program at the head of a process group, so that it can be
// ended with all that it starts.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
