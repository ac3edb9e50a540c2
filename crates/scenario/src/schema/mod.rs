//! The JSON Schema of a scenario file, and the walk of a document along it.
//!
//! The schema is put together from the configuration's own types (draft-07, which editors read) and one branch per registered
//! model; what it says is therefore what the program takes. [`walk`] finds everything that is wrong with a document's form:
//! unknown keys and values, wrong types, missing keys, numbers out of range, unreadable units.
//!
//! # Not here
//! Rules between values: the configurations' own `check`s and the scenario's.

mod assemble;
mod branch;
mod walk;

pub use assemble::{Form, Parameter, forms, parameters, schema};
pub use walk::{Departure, walk};
