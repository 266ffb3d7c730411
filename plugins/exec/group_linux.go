package main

import "syscall"

// ownGroup puts the program at the head of a process group, so that it can be
// ended with all that it starts. The kernel kills it if this process dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
