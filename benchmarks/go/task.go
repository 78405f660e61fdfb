package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	storagedriver "github.com/docker/distribution/registry/storage/driver"
)

// pool is how many random bytes there are at least: no two pieces in a row
// are the same, and none can be compressed.
const pool = 4 << 20

// task is one measured piece of work; see storagedriver.bench.tasks.Task.
type task struct {
	Operation   string `json:"operation"`
	Path        string `json:"path"`
	Dest        string `json:"dest"`
	Size        int    `json:"size"`
	Piece       int    `json:"piece"`
	Count       int    `json:"count"`
	Concurrency int    `json:"concurrency"`
}

// object is the path of the object of a number.
func (t task) object(number int) string {
	if t.Operation == "tree" {
		return fmt.Sprintf("%s/d%d/%d", t.Path, number/10, number%10)
	}
	return fmt.Sprintf("%s/%d", t.Path, number)
}

// moved is how many bytes of content it is.
func (t task) moved() int {
	switch t.Operation {
	case "stat", "list", "walk", "delete":
		return 0
	}
	return t.Size * t.Count
}

// check says whether an object has the bytes that it should have.
func (t task) check(number, size int) error {
	if size != t.Size {
		return fmt.Errorf("%s gave %d bytes in place of %d", t.object(number), size, t.Size)
	}
	return nil
}

// work is what is done for the object of a number. It tells how many entries
// were found.
type work func(number int) (int, error)

// do does what a request asks for, and measures it.
func do(ctx context.Context, driver storagedriver.StorageDriver, request []byte) (sample, error) {
	asked := task{Piece: 1 << 20, Count: 1, Concurrency: 1}
	if err := json.Unmarshal(request, &asked); err != nil {
		return sample{}, err
	}
	if asked.Size < 0 || asked.Piece < 1 || asked.Count < 1 || asked.Concurrency < 1 {
		return sample{}, fmt.Errorf("there is no task %s", request)
	}
	each, err := prepare(ctx, driver, asked)
	if err != nil {
		return sample{}, err
	}
	found := 0
	taken, err := measure(func() (err error) {
		found, err = doAll(each, asked.Count, asked.Concurrency)
		return err
	})
	taken.Size, taken.Count, taken.Found = asked.moved(), asked.Count, found
	return taken, err
}

// doAll does the work of every number, so many at a time, to the end even if
// some fail. It gives what was found for the last number, and the first failure.
func doAll(each work, count, concurrency int) (int, error) {
	found, failures := make([]int, count), make([]error, count)
	var begun int64
	var workers sync.WaitGroup
	for i := 0; i < concurrency; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				number := int(atomic.AddInt64(&begun, 1)) - 1
				if number >= count {
					return
				}
				found[number], failures[number] = each(number)
			}
		}()
	}
	workers.Wait()
	for _, err := range failures {
		if err != nil {
			return 0, err
		}
	}
	return found[count-1], nil
}

// prepare gives the work of a task. All content is there before the first is
// asked for.
func prepare(ctx context.Context, driver storagedriver.StorageDriver, t task) (work, error) {
	switch t.Operation {
	case "write":
		content, err := random(pieces(t.Piece) * t.Piece)
		return func(number int) (int, error) {
			return 0, write(ctx, driver, t, number, content)
		}, err
	case "put", "tree":
		content, err := random(t.Size)
		return func(number int) (int, error) {
			return 0, driver.PutContent(ctx, t.object(number), content)
		}, err
	case "read":
		return func(number int) (int, error) {
			return 0, read(ctx, driver, t, number)
		}, nil
	case "get":
		return func(number int) (int, error) {
			content, err := driver.GetContent(ctx, t.object(number))
			if err != nil {
				return 0, err
			}
			return 0, t.check(number, len(content))
		}, nil
	case "stat":
		return func(number int) (int, error) {
			_, err := driver.Stat(ctx, t.object(number))
			return 0, err
		}, nil
	case "list":
		return func(int) (int, error) {
			children, err := driver.List(ctx, t.Path)
			return len(children), err
		}, nil
	case "walk":
		return func(int) (int, error) {
			found := 0
			err := driver.Walk(ctx, t.Path, func(storagedriver.FileInfo) error {
				found++
				return nil
			})
			return found, err
		}, nil
	case "move":
		return func(number int) (int, error) {
			return 0, driver.Move(ctx, t.object(number), fmt.Sprintf("%s/%d", t.Dest, number))
		}, nil
	case "delete":
		return func(int) (int, error) {
			return 0, driver.Delete(ctx, t.Path)
		}, nil
	}
	return nil, fmt.Errorf("there is no operation %q", t.Operation)
}

// pieces is how many pieces of a size the pool has.
func pieces(piece int) int {
	if piece > pool {
		return 1
	}
	return pool / piece
}

// random gives bytes that cannot be compressed.
func random(size int) ([]byte, error) {
	content := make([]byte, size)
	_, err := rand.Read(content)
	return content, err
}

// write streams an object in: pieces of the content, over and over.
func write(ctx context.Context, driver storagedriver.StorageDriver, t task, number int, content []byte) error {
	writer, err := driver.Writer(ctx, t.object(number), false)
	if err != nil {
		return err
	}
	begin := 0
	for left := t.Size; left > 0 && err == nil; left -= t.Piece {
		piece := content[begin : begin+t.Piece]
		if left < t.Piece {
			piece = piece[:left]
		}
		_, err = writer.Write(piece)
		begin = (begin + t.Piece) % len(content)
	}
	if err == nil {
		err = writer.Commit()
	}
	if closing := writer.Close(); err == nil {
		err = closing
	}
	return err
}

// read streams an object out, and counts its bytes.
func read(ctx context.Context, driver storagedriver.StorageDriver, t task, number int) error {
	reader, err := driver.Reader(ctx, t.object(number), 0)
	if err != nil {
		return err
	}
	defer reader.Close()
	buffer := make([]byte, t.Piece)
	for total := 0; ; {
		n, err := reader.Read(buffer)
		total += n
		if err == io.EOF {
			return t.check(number, total)
		}
		if err != nil {
			return err
		}
	}
}
