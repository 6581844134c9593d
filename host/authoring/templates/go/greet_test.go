package {{snake}}

import (
	"testing"

	"my/{{name}}/bindings/tasks"
	"taskhost/tasktest"
	"taskhost/wit"
)

func TestSomebodyIsGreetedByName(t *testing.T) {
	host := tasktest.New(t)
	got, err := Greet(tasks.Person{Name: "Zoë", Age: wit.Some[uint32](36)})
	if err != nil {
		t.Fatal(err)
	}
	if want := (tasks.Greeting{Text: "Hello, Zoë, 36 years old!", Letters: 25}); got != want {
		t.Errorf("got %v, not %v", got, want)
	}
	if !host.Logged("greeting Zoë") {
		t.Errorf("logged %v", host.Messages())
	}
}

func TestAnAgeMayBeUnknown(t *testing.T) {
	tasktest.New(t)
	got, err := Greet(tasks.Person{Name: "Ada"})
	if err != nil || got.Text != "Hello, Ada!" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAPersonWithoutANameIsAnError(t *testing.T) {
	host := tasktest.New(t)
	_, err := Greet(tasks.Person{Name: " "})
	if err == nil || err.Error() != "a person needs a name" {
		t.Errorf("the error is %v", err)
	}
	if messages := host.Messages(); len(messages) > 0 {
		t.Errorf("logged %v", messages)
	}
}
