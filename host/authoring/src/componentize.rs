//! From what a language's tool makes to a component: metadata into a core module, a core module into a component, and the WIT's text
//! beside the code, so that comments are not lost.

use std::borrow::Cow;
use std::fmt::Display;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasm_encoder::{CustomSection, Encode as _, Section as _};
use wasmparser::{Encoding, Parser, Payload};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::error::Error;
use crate::wit::Wit;

/// The custom section that holds WIT text; the sandbox reads it for `taskhost inspect`.
pub const WIT_SECTION: &str = "taskhost:wit";

/// Says in a core module which world it is. Several may be said of one module: what it imports and exports is all of them together.
pub fn embed_world(core: &mut Vec<u8>, resolve: &Resolve, world: WorldId) -> Result<(), Error> {
    embed_component_metadata(core, resolve, world, StringEncoding::UTF8)
        .map_err(|error| Error::internal(format!("failed to embed the world: {error:#}")))
}

/// Makes a component of a core module that says which world it is: by [`embed_world`], or by its language's tool (a section
/// `component-type…`). What it calls of WASI's preview 1 becomes WASI 0.2, and what it does not call is left out.
pub fn encode(core: &[u8]) -> Result<Vec<u8>, Error> {
    // What does not fit is a mistake of the author: a function of the world that is not there, or has other parameters.
    let wrong = |error: &dyn Display| {
        Error::rejected(format!("the compiled module does not fit the world of `wit/`: {error:#}"), None)
    };
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(core).map_err(|error| wrong(&error))?;
    if imports_preview1(core) {
        encoder.adapter(ADAPTER_NAME, ADAPTER).map_err(|error| wrong(&error))?;
    }
    encoder.encode().map_err(|error| wrong(&error))
}

/// Puts the text of the WIT beside a component's code, unless it is there already, somewhere inside.
pub fn add_text(component: &mut Vec<u8>, wit: &Wit) {
    let has_text = payloads(component)
        .any(|payload| matches!(payload, Payload::CustomSection(section) if section.name() == WIT_SECTION));
    if !has_text {
        let section = CustomSection { name: WIT_SECTION.into(), data: Cow::Borrowed(wit.text.as_bytes()) };
        component.push(section.id());
        section.encode(component);
    }
}

/// Whether these bytes are a component, and not a core module or something else.
pub fn is_component(bytes: &[u8]) -> bool {
    matches!(payloads(bytes).next(), Some(Payload::Version { encoding: Encoding::Component, .. }))
}

fn imports_preview1(core: &[u8]) -> bool {
    payloads(core).any(|payload| match payload {
        Payload::ImportSection(imports) => imports.into_imports().flatten().any(|import| import.module == ADAPTER_NAME),
        _ => false,
    })
}

fn payloads(bytes: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0).parse_all(bytes).map_while(Result::ok)
}
