// Package task holds what a client is told (JSON on standard input) and what it reports (JSON on
// standard output). The words are those of tests/src/clients/task.rs.
package task

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Patience is how long records are waited for.
const Patience = 60 * time.Second

// Task is one order to a client.
type Task struct {
	Action    string
	Bootstrap string
	Security  struct {
		Protocol  string
		Mechanism string
		Username  string
		Password  string
		CA        string
	}
	Topic      string
	Partitions int32
	Records    int
}

// Report is what a client saw.
type Report struct {
	Brokers   map[int32]string `json:"brokers"`
	ClusterID *string          `json:"cluster_id"`
	Written   int              `json:"written"`
	Read      int              `json:"read"`
	Wrong     int              `json:"wrong"`
	expected  map[string]string
}

// Run reads the task, carries it out and prints the report; it ends the process if anything fails.
func Run(roundTrip, describe func(*Task, *Report) error) {
	t := &Task{}
	r := &Report{Brokers: map[int32]string{}}
	err := json.NewDecoder(os.Stdin).Decode(t)
	if err == nil && t.Action == "round_trip" {
		r.expect(t.Records)
		err = roundTrip(t, r)
	} else if err == nil && t.Action != "describe" {
		err = fmt.Errorf("this client cannot do %s", t.Action)
	}
	if err == nil {
		err = describe(t, r)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TLS is how to speak to brokers, nil for plaintext.
func (t *Task) TLS() (*tls.Config, error) {
	if t.Security.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(t.Security.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots}, nil
}

// Record is key and value of record i; every program makes them like this.
func Record(i int) (string, string) {
	return fmt.Sprintf("key-%d", i), fmt.Sprintf("value of record %d", i)
}

// Saw takes one record that was read, and says whether all have been.
func (r *Report) Saw(key, value []byte) bool {
	want, found := r.expected[string(key)]
	delete(r.expected, string(key))
	if found && want == string(value) {
		r.Read++
	} else {
		r.Wrong++
	}
	return len(r.expected) == 0
}

func (r *Report) expect(records int) {
	r.expected = make(map[string]string, records)
	for i := range records {
		key, value := Record(i)
		r.expected[key] = value
	}
}
