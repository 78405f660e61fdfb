// Command ossdriver does one call of the registry's own oss driver.
//
//	ossdriver CALL PATH [ARGUMENT]
//
// The driver's parameters are a JSON object in OSS_PARAMETERS. Content comes
// from the standard input and goes to the standard output. A path that is not
// found is told by the exit code 3.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	storagedriver "github.com/docker/distribution/registry/storage/driver"
	"github.com/docker/distribution/registry/storage/driver/factory"
	_ "github.com/docker/distribution/registry/storage/driver/oss"
	"github.com/sirupsen/logrus"
)

const (
	failed   = 1
	usage    = 2
	notFound = 3
)

func main() {
	logrus.SetOutput(io.Discard)
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: ossdriver CALL PATH [ARGUMENT]")
		os.Exit(usage)
	}
	err := run(os.Args[1], os.Args[2], os.Args[3:])
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	if _, ok := err.(storagedriver.PathNotFoundError); ok {
		os.Exit(notFound)
	}
	os.Exit(failed)
}

func run(call, path string, arguments []string) error {
	ctx := context.Background()
	var parameters map[string]interface{}
	if err := json.Unmarshal([]byte(os.Getenv("OSS_PARAMETERS")), &parameters); err != nil {
		return err
	}
	driver, err := factory.Create("oss", parameters)
	if err != nil {
		return err
	}
	switch call {
	case "put":
		content, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return driver.PutContent(ctx, path, content)
	case "get":
		content, err := driver.GetContent(ctx, path)
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(content)
		return err
	case "read":
		var offset int64
		if _, err := fmt.Sscan(arguments[0], &offset); err != nil {
			return err
		}
		reader, err := driver.Reader(ctx, path, offset)
		if err != nil {
			return err
		}
		defer reader.Close()
		_, err = io.Copy(os.Stdout, reader)
		return err
	case "list":
		names, err := driver.List(ctx, path)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(names)
	case "stat":
		info, err := driver.Stat(ctx, path)
		if err != nil {
			return err
		}
		answer := map[string]interface{}{"size": info.Size(), "is_dir": info.IsDir(), "mod_time": info.ModTime().Unix()}
		return json.NewEncoder(os.Stdout).Encode(answer)
	case "move":
		return driver.Move(ctx, path, arguments[0])
	case "delete":
		return driver.Delete(ctx, path)
	case "url":
		url, err := driver.URLFor(ctx, path, map[string]interface{}{"method": "GET"})
		if err != nil {
			return err
		}
		_, err = fmt.Println(url)
		return err
	case "write", "append":
		writer, err := driver.Writer(ctx, path, call == "append")
		if err != nil {
			return err
		}
		return upload(writer, arguments[0])
	}
	return fmt.Errorf("there is no call %q", call)
}

// upload writes the standard input and ends the writer; it prints the size
// that the writer had before and the one that it had at the end.
func upload(writer storagedriver.FileWriter, end string) error {
	before := writer.Size()
	if _, err := io.Copy(writer, os.Stdin); err != nil {
		return err
	}
	fmt.Println(before, writer.Size())
	switch end {
	case "commit":
		if err := writer.Commit(); err != nil {
			return err
		}
		return writer.Close()
	case "cancel":
		return writer.Cancel()
	}
	return writer.Close()
}
