package app

import (
	"os"
	"runtime/debug"
)

// Above this the collector works harder rather than let the host grow: what a
// host holds is bounded (dispatch claims by the weight of payloads), the rest
// is garbage. Each listener's lane and connection take some more.
const (
	memoryBase        = 32 << 20
	memoryPerListener = 4 << 20
)

// limitMemory keeps a busy host small, unless whoever starts it has decided.
func limitMemory(listeners int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(memoryBase + memoryPerListener*listeners))
	}
}
