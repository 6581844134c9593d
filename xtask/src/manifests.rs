//! `cargo xtask manifests`: does Kubernetes know what stands in `deploy/kubernetes`?
//!
//! Each document is held against the schemas of Kubernetes, of the oldest and the newest version that we look at, where an unknown field is a
//! mistake; a ScaledObject of KEDA against `keda.schema.json` beside it. No cluster and, once the packages are installed, no network is needed.
//! What the schemas do not tell (does the image start? do the names fit each other?) only a cluster shows.

use crate::command::{self, Failure};
use crate::servers::{self, Environment};
use crate::workspace::{Workspace, root};

/// Where the manifests are.
const FOLDER: &str = "deploy/kubernetes";

/// The oldest and the newest version of Kubernetes that they are for.
const KUBERNETES_VERSIONS: &[&str] = &["1.30", "1.37"];

/// The validator brings the schemas of Kubernetes with it, and the library for JSON Schema.
const VALIDATOR: Environment = Environment {
    folder: "manifests",
    what: "a validator for Kubernetes manifests",
    packages: &["kubernetes-validate==1.37.0", "jsonschema==4.26.0", "PyYAML==6.0.4"],
    only_wheels: false,
    otherwise: "",
};

/// What looks at them. A validator that takes anything would be none, so each document is tried with an unknown field, too.
const SCRIPT: &str = include_str!("manifests.py");

pub(crate) fn run() -> Result<(), Failure> {
    let workspace = Workspace::read()?;
    let programs = servers::install(&VALIDATOR, &workspace.target_folder)?;
    command::step(format_args!("manifests of Kubernetes {}", KUBERNETES_VERSIONS.join(" and ")));
    let python = programs.join(if cfg!(windows) { "python.exe" } else { "python" });
    let mut check = command::program(python);
    check.args(["-c", SCRIPT]).arg(root().join(FOLDER)).args(KUBERNETES_VERSIONS);
    let status = check.status().map_err(|error| Failure::new(format!("Python did not start: {error}"), NEXT))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("manifests in {FOLDER} are wrong"), NEXT)) }
}

const NEXT: &str = "correct what is listed above; `kubectl explain` tells the fields";
