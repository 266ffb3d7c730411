package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checks are what a host must stand, each from a failure that was seen in a
// host of go-plugin's, and the tests that hold it. "." is this package.
var checks = []struct {
	what  string
	tests map[string]string // folder from the root of the tree: names
}{
	{"1 malformed JSON in a log line: the host lives", map[string]string{".": "TestMalformedLogLines TestStderrLines"}},
	{"2 noise on stdout before and after the handshake", map[string]string{".": "TestNoiseOnStdout", "sdk": "TestPrintedLineHarmsNothing"}},
	{"3 a line of 300 KiB on stdout, then a call", map[string]string{".": "TestNoiseOnStdout TestLineWriter"}},
	{"4 a grandchild that holds the pipes: the stop is bounded", map[string]string{".": "TestCloseOfPluginsThatDoNotLeave"}},
	{"5 a stopped plugin (SIGSTOP): the stop is bounded, the calls are", map[string]string{".": "TestCloseOfPluginsThatDoNotLeave TestFrozenIsRestarted"}},
	{"6 host killed: no plugin after two seconds, no socket folder after the next start", map[string]string{".": "TestHostIsKilled", "host/e2e": "TestKilledHostLosesNothing"}},
	{"7 panic, os.Exit, kill -9: the right words, an unknown outcome, others unaffected", map[string]string{".": "TestProcessEndsDuringCall TestPanicInHandlerIsAnAnswer TestAllCallsInFlightAreLost", "host/e2e": "TestPluginThatDies"}},
	{"8 a poisonous event is set apart, its neighbours are delivered", map[string]string{"host/e2e": "TestPoisonIsIsolated", "host/internal/dispatch": "TestSuspectsRunAlone"}},
	{"9 a crash loop is held, spends no attempt, also over runs for cron", map[string]string{".": "TestBreaker", "host/internal/queue": "TestRepeatedCrashesHoldTheListener", "host/e2e": "TestCrashLoopIsHeldOverCronRuns"}},
	{"10 a payload that is too large: a clear error, no retry", map[string]string{".": "TestLargePayload"}},
	{"11 what is secret in the host's environment stays there", map[string]string{".": "TestEnvironment", "plugins/exec": "TestProgramGetsNothingOfTheProtocol"}},
	{"12 the plugin's own environment wins", map[string]string{".": "TestEnvironment"}},
	{"13 another checksum is refused; a restart passes again", map[string]string{".": "TestChecksum"}},
	{"14 a binary that others may change is refused", map[string]string{".": "TestOthersMayNotChangeTheBinary"}},
	{"15 a protocol too old or too new: both versions, and what to do", map[string]string{".": "TestStartErrors TestVersionErrorIsTyped"}},
	{"16 SIGTERM to all processes: what is in flight ends well", map[string]string{"sdk": "TestSignalsEndNothing", "host/e2e": "TestTermToAllProcesses"}},
	{"17 reloads under load: none lost, none twice", map[string]string{".": "TestReloadUnderLoad", "host/e2e": "TestReloadUnderLoad"}},
	{"18 a plugin without controller, health and stdio works and stops", map[string]string{".": "TestCloseOfPluginsThatDoNotLeave"}},
	{"19 a socket folder with too long a path", map[string]string{".": "TestRunDirRefusals TestLongestRunDir"}},
	{"20 attached to a stopped process: no deadline", map[string]string{".": "TestAttach TestAttachHasNoDeadline TestAttachedProcessEnds", "host/e2e": "TestAttachedPluginHasAllTheTime"}},
	{"21 a binary that is no plugin: a helpful error", map[string]string{".": "TestStartErrors TestProbe", "host/e2e": "TestPluginThatIsNone"}},
	{"22 unknown enum values and fields of a newer plugin", map[string]string{".": "TestAnswerOfALaterTime", "host/internal/deliver": "TestAnswers"}},
	{"23 two listeners from one binary", map[string]string{".": "TestTwoListenersFromOneBinary"}},
	{"24 nothing due: nothing is started", map[string]string{".": "TestNoCallNoProcess"}},
	{"25 the conformance checks pass in Go, JavaScript and PHP", map[string]string{"examples/hello": "TestConformance", "examples/node-listener": "TestConformance", "plugins/exec": "TestConformance", "host/e2e": "TestPluginNew"}},
}

// TestChecksAreThere keeps the table true.
func TestChecksAreThere(t *testing.T) {
	for _, c := range checks {
		for folder, names := range c.tests {
			dir := folder
			if folder != "." {
				dir = filepath.Join("../../..", folder)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				text.Write(data)
			}
			for name := range strings.FieldsSeq(names) {
				if !strings.Contains(text.String(), "func "+name+"(t *testing.T)") {
					t.Errorf("check %s: %s has no %s", c.what, folder, name)
				}
			}
		}
	}
}
