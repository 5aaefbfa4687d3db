package main

import (
	"errors"
	"os"
)

// once plays the journey in a folder and on a port of its own, unless the command line names them.
func (c demoCommand) once(p *program) (err error) {
	if c.Data == "" {
		if c.Data, err = os.MkdirTemp("", "countersign-once-"); err != nil {
			return err
		}
		defer os.RemoveAll(c.Data)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	d, err := c.start(p)
	if err != nil {
		return err
	}
	return errors.Join(errors.New("not built yet"), d.close())
}
