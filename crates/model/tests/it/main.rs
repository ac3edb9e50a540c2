//! What the parts of the boundary promise, against plain and obvious ones.

mod intervals;
mod requests;
mod roster;
