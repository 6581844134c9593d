//! Doc comments of a component's tasks, from the WIT text that it carries.
//!
//! The usual build drops them, so our SDK puts the WIT text into a custom section `taskhost:wit` (of the component, or of a
//! core module inside). Where there is none, a `.wit` file beside the component serves.

use std::collections::HashMap;
use std::path::Path;

use taskhost_model::ComponentSignature;
use wasmparser::{Parser, Payload};
use wit_parser::UnresolvedPackageGroup;

/// The custom section that holds WIT text.
pub const WIT_SECTION: &str = "taskhost:wit";

/// Longest WIT text that is read, in bytes: a thousand times the usual.
const WIT_BYTES_MAX: usize = 4 << 20;

/// The WIT text inside a component.
pub(crate) fn wit_of(bytes: &[u8]) -> Option<String> {
    Parser::new(0).parse_all(bytes).map_while(Result::ok).find_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == WIT_SECTION && section.data().len() <= WIT_BYTES_MAX => {
            String::from_utf8(section.data().to_vec()).ok()
        }
        _ => None,
    })
}

/// The WIT text in a file beside the component: `numbers.wit` beside `numbers.wasm`.
pub(crate) fn wit_beside(component: &Path) -> Option<String> {
    let path = component.with_extension("wit");
    let metadata = std::fs::metadata(&path).ok()?;
    (metadata.len() <= WIT_BYTES_MAX as u64).then(|| std::fs::read_to_string(&path).ok()).flatten()
}

/// Adds the doc comments of the WIT text to the tasks that it describes.
pub(crate) fn add(signature: &mut ComponentSignature, wit: &str) {
    let Ok(group) = UnresolvedPackageGroup::parse("component.wit", wit) else { return };
    let mut docs: HashMap<(Option<&str>, &str), &str> = HashMap::new();
    for (_, interface) in &group.main.interfaces {
        for (name, function) in &interface.functions {
            if let Some(text) = &function.docs.contents {
                docs.insert((interface.name.as_deref(), name), text);
            }
        }
    }
    for (_, world) in &group.main.worlds {
        for item in world.exports.values() {
            if let wit_parser::WorldItem::Function(function) = item
                && let Some(text) = &function.docs.contents
            {
                docs.insert((None, &function.name), text);
            }
        }
    }
    for task in &mut signature.tasks {
        task.docs = docs.get(&(task.interface_short(), &*task.function)).map(|text| text.trim().to_owned());
    }
}
