//! Where two values differ.

use serde_json::Value as Json;

/// Places that are told.
const DIFFERENCES_MAX: usize = 5;

/// A place where two values differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Where, such as `.rows[3].name`; empty for the whole.
    pub path: String,
    /// What was expected there; none if nothing was.
    pub expected: Option<Json>,
    /// What is there; none if nothing is.
    pub returned: Option<Json>,
}

/// The first few places where they differ.
pub(super) fn between(expected: &Json, returned: &Json) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(String::new(), Some(expected), Some(returned), &mut all);
    all
}

fn compare(path: String, expected: Option<&Json>, returned: Option<&Json>, all: &mut Vec<Difference>) {
    if all.len() == DIFFERENCES_MAX || expected == returned {
        return;
    }
    match (expected, returned) {
        (Some(Json::Object(before)), Some(Json::Object(now))) => {
            let more = now.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(more) {
                compare(format!("{path}.{key}"), before.get(key), now.get(key), all);
            }
        }
        (Some(Json::Array(before)), Some(Json::Array(now))) => {
            for at in 0..before.len().max(now.len()) {
                compare(format!("{path}[{at}]"), before.get(at), now.get(at), all);
            }
        }
        _ => all.push(Difference { path, expected: expected.cloned(), returned: returned.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_is_named_by_its_path() {
        let expected = json!({ "rows": [{ "name": "a", "age": 1 }, { "name": "b", "age": 2 }], "total": 2 });
        let returned = json!({ "rows": [{ "name": "a", "age": 3 }], "total": 2 });
        let told: Vec<String> = between(&expected, &returned)
            .into_iter()
            .map(|place| {
                format!(
                    "{}: {:?} {:?}",
                    place.path,
                    place.expected.map(|v| v.to_string()),
                    place.returned.map(|v| v.to_string())
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ".rows[0].age: Some(\"1\") Some(\"3\")",
                ".rows[1]: Some(\"{\\\"age\\\":2,\\\"name\\\":\\\"b\\\"}\") None",
            ]
        );
    }

    #[test]
    fn no_more_than_a_few_places_are_told() {
        assert_eq!(between(&json!([1, 2, 3, 4, 5, 6, 7, 8]), &json!([])).len(), DIFFERENCES_MAX);
        assert!(between(&json!([1, 2]), &json!([1, 2])).is_empty());
    }
}
