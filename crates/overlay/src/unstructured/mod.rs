//! Models in which nobody knows where anything is: floods (and, later, walks).

pub mod flooding;
