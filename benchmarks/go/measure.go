package main

import (
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// sample is what a task took; see storagedriver.bench.tasks.Sample.
type sample struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
	// Memory is nil where the system does not tell.
	Memory *int64 `json:"memory"`
	Size   int    `json:"size"`
	Count  int    `json:"count"`
	Found  int    `json:"found"`
}

// measure says what a function took.
func measure(do func() error) (sample, error) {
	// What the task before has left is not this one's.
	runtime.GC()
	debug.FreeOSMemory()
	before, known := resetPeak()
	used, begun := cpu(), time.Now()
	err := do()
	taken := sample{Seconds: time.Since(begun).Seconds(), CPU: cpu() - used}
	if peak, ok := memory("VmHWM"); known && ok {
		over := peak - before
		if over < 0 {
			over = 0
		}
		taken.Memory = &over
	}
	return taken, err
}

// cpu is how many seconds of CPU, user and system, the process has used.
func cpu() float64 {
	var usage syscall.Rusage
	// Of the process itself it cannot fail.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// resetPeak lets the peak of resident memory begin anew; the bytes that are
// resident now.
func resetPeak() (int64, bool) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0, false
	}
	return memory("VmRSS")
}

// memory is a line of the process's status, in bytes.
func memory(name string) (int64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	match := regexp.MustCompile(`(?m)^` + name + `:\s+([0-9]+) kB$`).FindSubmatch(status)
	if match == nil {
		return 0, false
	}
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	return kilobytes << 10, err == nil
}
