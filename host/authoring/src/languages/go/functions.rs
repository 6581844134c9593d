//! [`Function`]: a function of the WIT as the generator declares it, and as an author of Go writes it: with an error instead of a result, and
//! parameters without a `_` in front.

/// A function that the component exports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Function {
    /// What the bindings call it: `export_demo_shop_tasks_Price`.
    pub(super) exported: String,
    /// What the author calls it: `Price`, or `TasksPrice` if there is another one.
    pub(super) name: String,
    /// Its comment in the WIT.
    pub(super) docs: Option<String>,
    parameters: Vec<(String, String)>,
    result: Outcome,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Outcome {
    /// As it is: nothing, a type, or several in parentheses.
    Plain(String),
    /// `wit.Result[T, E]`
    Fallible(String, String),
    /// `wit.Result[wit.Unit, E]`
    OnlyErr(String),
}

impl Function {
    /// Of a line such as `func Price(_article string) wit.Result[uint64, string] {`; none of any other line.
    pub(super) fn of_line(line: &str, package: &str) -> Option<Function> {
        let rest = line.strip_prefix("func ")?.trim_end().strip_suffix('{')?;
        let (name, rest) = rest.split_once('(')?;
        let end = closing(rest)?;
        let (parameters, result) = (&rest[..end], rest[end + 1..].trim());
        let parameters = split(parameters).into_iter().map(|parameter| {
            let (name, ty) = parameter.split_once(' ').unwrap_or((parameter, ""));
            (name.strip_prefix('_').unwrap_or(name).to_owned(), ty.trim().to_owned())
        });
        let inner = result.strip_prefix("wit.Result[").and_then(|rest| rest.strip_suffix(']'));
        let result = match inner.map(split).as_deref() {
            Some(["wit.Unit", err]) => Outcome::OnlyErr((*err).to_owned()),
            Some([ok, err]) => Outcome::Fallible((*ok).to_owned(), (*err).to_owned()),
            _ => Outcome::Plain(result.to_owned()),
        };
        let exported = format!("{package}_{name}");
        Some(Function { exported, name: name.to_owned(), docs: None, parameters: parameters.collect(), result })
    }

    /// `func Price(article string) (uint64, error)`
    pub(super) fn declaration(&self) -> String {
        format!("func {}{}", self.name, self.signature())
    }

    /// `(article string) (uint64, error)`
    fn signature(&self) -> String {
        let parameters: Vec<String> = self.parameters.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
        let parameters = parameters.join(", ");
        match &self.result {
            Outcome::Plain(ty) if ty.is_empty() => format!("({parameters})"),
            Outcome::Plain(ty) => format!("({parameters}) {ty}"),
            Outcome::Fallible(ok, _) => format!("({parameters}) ({}, error)", ok),
            Outcome::OnlyErr(_) => format!("({parameters}) error"),
        }
    }

    /// A variable that only the author's function fits, and the function that the component exports.
    pub(super) fn binding(&self) -> String {
        let Function { exported, name, .. } = self;
        let docs = comment(self.docs.as_deref());
        let given: Vec<String> = self.parameters.iter().map(|(name, _)| format!("_{name}")).collect();
        let declared: Vec<String> = self.parameters.iter().map(|(name, ty)| format!("_{name} {ty}")).collect();
        let call = format!("author{name}({})", given.join(", "));
        let (result, body) = match &self.result {
            Outcome::Plain(ty) if ty.is_empty() => (String::new(), call),
            Outcome::Plain(ty) => (ty.clone(), format!("return {call}")),
            Outcome::Fallible(ok, err) => {
                (format!("wit.Result[{ok}, {err}]"), format!("return abi.Returned[{ok}, {err}]({call})"))
            }
            Outcome::OnlyErr(err) => {
                (format!("wit.Result[wit.Unit, {err}]"), format!("return abi.Failed[{err}]({call})"))
            }
        };
        format!(
            "{docs}var author{name} func{} = author.{name}\n\nfunc {exported}({}) {result} {{\n\tdefer abi.End()\n\t{body}\n}}\n",
            self.signature(),
            declared.join(", ")
        )
    }

    /// The author's function, still to be written.
    pub(super) fn stub(&self, wit_name: &str) -> String {
        let docs = comment(self.docs.as_deref());
        format!("{docs}{} {{\n\tpanic(\"`{wit_name}` is not written yet\")\n}}\n", self.declaration())
    }
}

fn comment(docs: Option<&str>) -> String {
    docs.into_iter().flat_map(str::lines).map(|line| format!("{}\n", format!("// {line}").trim_end())).collect()
}

/// Where the parenthesis closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// At the commas that stand in no brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(line: &str) -> Function {
        Function::of_line(line, "export_shop").expect("a function")
    }

    #[test]
    fn a_result_becomes_a_value_and_an_error() {
        let price = function(
            "func Price(_article string, _on []wit.Tuple2[uint8, string]) wit.Result[[]tasks.Price, string] {",
        );
        assert_eq!(
            price.declaration(),
            "func Price(article string, on []wit.Tuple2[uint8, string]) ([]tasks.Price, error)"
        );
        assert_eq!(
            price.binding(),
            "var authorPrice func(article string, on []wit.Tuple2[uint8, string]) ([]tasks.Price, error) = author.Price\n\n\
             func export_shop_Price(_article string, _on []wit.Tuple2[uint8, string]) wit.Result[[]tasks.Price, string] {\n\
             \tdefer abi.End()\n\treturn abi.Returned[[]tasks.Price, string](authorPrice(_article, _on))\n}\n"
        );
    }

    #[test]
    fn a_result_without_a_value_becomes_an_error() {
        assert_eq!(function("func Check() wit.Result[wit.Unit, tasks.Problem] {").declaration(), "func Check() error");
    }

    #[test]
    fn what_cannot_fail_stays_as_it_is() {
        assert_eq!(function("func Close()  {").declaration(), "func Close()");
        assert_eq!(
            function("func Two(_n uint8) (uint32, float64) {").declaration(),
            "func Two(n uint8) (uint32, float64)"
        );
    }
}
