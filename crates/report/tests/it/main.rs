//! Tests of the results: tables, statistics, the directory, charts and the table for people.

mod charts;
mod directory;
mod human;
mod record;
mod statistics;
mod synthetic;
mod tables;
