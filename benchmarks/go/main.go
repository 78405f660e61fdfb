// Command registrydriver does the tasks of a benchmark on one of the
// container registry's own storage drivers, and says what each took.
//
// It speaks one JSON object a line. The first line that it reads is
// {"driver": NAME, "parameters": {…}}, its answer {"version": …,
// "operations": […]}; each line after it is a task, the answer to it a
// sample, or {"error": "…"}. Both are as in storagedriver.bench.tasks.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	storagedriver "github.com/docker/distribution/registry/storage/driver"
	"github.com/docker/distribution/registry/storage/driver/factory"
	_ "github.com/docker/distribution/registry/storage/driver/filesystem"
	_ "github.com/docker/distribution/registry/storage/driver/inmemory"
	_ "github.com/docker/distribution/registry/storage/driver/s3-aws"
	_ "github.com/docker/distribution/registry/storage/driver/swift"
	"github.com/docker/distribution/version"
	"github.com/sirupsen/logrus"
)

// operations are those that are measured; "tree" only prepares.
var operations = []string{"delete", "get", "list", "move", "put", "read", "stat", "walk", "write"}

type setup struct {
	Driver     string                 `json:"driver"`
	Parameters map[string]interface{} `json:"parameters"`
}

type subject struct {
	Version    string   `json:"version"`
	Operations []string `json:"operations"`
}

type failure struct {
	Error string `json:"error"`
}

func main() {
	logrus.SetOutput(io.Discard)
	answers := os.Stdout
	// Whatever a library prints must not come between the answers.
	os.Stdout = os.Stderr
	if err := serve(context.Background(), os.Stdin, answers); err != nil {
		fmt.Fprintln(os.Stderr, "registrydriver:", err)
		os.Exit(1)
	}
}

// serve answers requests until they end.
func serve(ctx context.Context, requests io.Reader, answers io.Writer) error {
	decoder, encoder := json.NewDecoder(requests), json.NewEncoder(answers)
	var driver storagedriver.StorageDriver
	for {
		var request json.RawMessage
		if err := decoder.Decode(&request); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var answer interface{}
		var err error
		if driver == nil {
			driver, err = open(request)
			answer = subject{describe(), operations}
		} else {
			answer, err = do(ctx, driver, request)
		}
		if err != nil {
			answer = failure{err.Error()}
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
}

// open makes the driver that a set-up asks for.
func open(request []byte) (storagedriver.StorageDriver, error) {
	var asked setup
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	for name, value := range asked.Parameters {
		asked.Parameters[name] = integer(value)
	}
	driver, err := factory.Create(asked.Driver, asked.Parameters)
	if err != nil {
		// The driver is not nil here: it is an interface that holds a nil pointer.
		return nil, err
	}
	return driver, nil
}

// integer makes an int of a whole number, as the drivers want it; the numbers
// of JSON are all float64. Anything else stays as it is.
func integer(value interface{}) interface{} {
	if number, ok := value.(float64); ok && number == float64(int(number)) {
		return int(number)
	}
	return value
}

// describe says what is measured.
func describe() string {
	release, _, _ := strings.Cut(strings.TrimPrefix(version.Version, "v"), "+")
	return fmt.Sprintf("registry %s (%s)", release, runtime.Version())
}
