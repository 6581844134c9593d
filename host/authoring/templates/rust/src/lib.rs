//! The tasks of {{name}}.

use exports::my::{{snake}}::tasks::{Greeting, Guest, Person};
use taskhost_task::info;

taskhost_task::world!({ world: "{{name}}" });

struct {{pascal}};

impl Guest for {{pascal}} {
    fn greet(person: Person) -> Result<Greeting, String> {
        let name = &person.name;
        if name.trim().is_empty() {
            return Err("a person needs a name".to_owned());
        }
        info!("greeting {name}");
        let text = match person.age {
            Some(age) => format!("Hello, {name}, {age} years old!"),
            None => format!("Hello, {name}!"),
        };
        let letters = text.chars().count() as u32;
        Ok(Greeting { text, letters })
    }
}

export!({{pascal}});

#[cfg(test)]
mod tests {
    use taskhost_task::testing;

    use super::*;

    #[test]
    fn somebody_is_greeted_by_name() {
        let host = testing::host();
        let person = Person { name: "Zoë".to_owned(), age: Some(36) };
        let greeting = {{pascal}}::greet(person).unwrap();
        assert_eq!(greeting.text, "Hello, Zoë, 36 years old!");
        assert_eq!(greeting.letters, 25);
        assert!(host.has_logged("greeting Zoë"));
    }

    #[test]
    fn an_age_may_be_unknown() {
        let person = Person { name: "Ada".to_owned(), age: None };
        assert_eq!({{pascal}}::greet(person).unwrap().text, "Hello, Ada!");
    }

    #[test]
    fn a_person_without_a_name_is_an_error() {
        let host = testing::host();
        let person = Person { name: "  ".to_owned(), age: None };
        assert_eq!({{pascal}}::greet(person).unwrap_err(), "a person needs a name");
        assert!(host.log().is_empty());
    }
}
