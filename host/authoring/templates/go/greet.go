// Package {{snake}} is a component: each function of its WIT is an exported function here.
package {{snake}}

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"my/{{name}}/bindings/tasks"
	"taskhost/log"
)

// Greet greets somebody; a person without a name is an error.
func Greet(person tasks.Person) (tasks.Greeting, error) {
	name := strings.TrimSpace(person.Name)
	if name == "" {
		return tasks.Greeting{}, errors.New("a person needs a name")
	}
	log.Infof("greeting %s", name)
	text := fmt.Sprintf("Hello, %s!", name)
	if age, ok := person.Age.Get(); ok {
		text = fmt.Sprintf("Hello, %s, %d years old!", name, age)
	}
	return tasks.Greeting{Text: text, Letters: uint32(utf8.RuneCountInString(text))}, nil
}
