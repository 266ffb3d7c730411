package wire

import (
	"encoding/json"
	"fmt"
)

// AttachKey names the variable that makes a host use a process which somebody
// else, such as a debugger, has started.
const AttachKey = "EARSHOT_ATTACH"

// Attach says where a listener already serves.
type Attach struct {
	Listener string `json:"listener"`
	Pid      int    `json:"pid"`
	Network  string `json:"network"`
	Address  string `json:"address"`
	Version  int    `json:"version"`
}

// Encode writes a as the value of AttachKey.
func (a Attach) Encode() (string, error) {
	data, err := json.Marshal(a)
	return string(data), err
}

// ParseAttach reads the value of AttachKey.
func ParseAttach(value string) (Attach, error) {
	var a Attach
	if err := json.Unmarshal([]byte(value), &a); err != nil {
		return a, fmt.Errorf("read %s: %w", AttachKey, err)
	}
	if a.Listener == "" || a.Network == "" || a.Address == "" {
		return a, fmt.Errorf("read %s: listener, network and address are needed", AttachKey)
	}
	return a, nil
}
